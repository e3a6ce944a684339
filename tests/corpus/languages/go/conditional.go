//~ path text/lock_unix.go
//go:build unix

package text

func Lock() error { //~ function Lock branch
	return lock()
}
