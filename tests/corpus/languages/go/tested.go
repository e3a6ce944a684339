//~ path internal/text/text_test.go
package text

func helper() int { //~ function helper test private
	return 1
}
