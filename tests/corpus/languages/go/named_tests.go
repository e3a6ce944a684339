//~ path text/cases.go
package text

func TestSlugs(t *testing.T) { //~ function TestSlugs test
	t.Log(1)
}

func Tested() int { //~ function Tested
	return 1
}
