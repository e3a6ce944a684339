//~ path src/text_test.cc
int helper(int a) { return a + 1; } //~ function helper test
