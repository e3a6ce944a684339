#~ path tests/text/cases.py
def helper():  #~ function helper test
    return 1
