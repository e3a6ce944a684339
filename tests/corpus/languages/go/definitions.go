//~ path internal/text/text.go
//~ from cmd/shop/main.go
// Package text reads and writes.
package text

import "strings"

const Limit = 3 //~ constant Limit signature="const Limit = 3" import=`import "<module>/internal/text" // text.Limit`

const (
	// Most there may be.
	Most  = 40 //~ constant Most doc="Most there may be."
	least = 1  //~ constant least private
)

var ErrEmpty = errors.New("empty") //~ constant ErrEmpty

var _ Store = (*memory)(nil)

// Slugify makes a slug.
//
// It is short.
func Slugify(title string, most int) string { //~ function Slugify doc="Slugify makes a slug." signature="func Slugify(title string, most int) string" import=`import "<module>/internal/text" // text.Slugify`
	lower := func(s string) string { return strings.ToLower(s) }
	return lower(title)[:most]
}

func hidden() int { //~ function hidden private
	return 1
}

// Post is what is written.
type Post struct { //~ class Post doc="Post is what is written." signature="type Post struct"
	Title string
}

type (
	// Store keeps posts.
	Store interface { //~ class Store doc="Store keeps posts."
		Get(key string) (Post, error) //~ method Store.Get trivial
	}
	Slug string //~ type Slug signature="Slug string"
	Alias = Post //~ type Alias
)

// Slug of a post.
func (p *Post) Slug() string { //~ method Post.Slug doc="Slug of a post." signature="func (p *Post) Slug() string" import=`import "<module>/internal/text" // text.Post`
	type local struct{} //~ class Post.Slug.local local private
	return Slugify(p.Title, Most)
}

func (c Cache[K, V]) Get(key K) (value V, ok bool) { //~ method Cache.Get
	value, ok = c.items[key]
	return value, ok
}

func (Post) owed() { //~ method Post.owed trivial private
	panic("not written")
}

func Map[T, U any](items []T, by func(T) U) []U { //~ function Map
	found := make([]U, 0, len(items))
	for _, item := range items {
		found = append(found, by(item))
	}
	return found
}

func empty() {} //~ function empty trivial private

func outside() //~ function outside trivial private
