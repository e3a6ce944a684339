//~ path crates/shop-text/src/slug.rs
//~ from crates/shop-text/src/pages/home.rs
//! Reads and writes.

pub const LIMIT: usize = 3; //~ constant LIMIT signature="pub const LIMIT: usize = 3" import="use crate::slug::LIMIT;"
static NAME: &str = "shop"; //~ constant NAME private

/// Makes a slug.
///
/// It is short.
#[inline]
#[must_use] // since it does nothing else
pub fn slugify(title: &str, most: usize) -> String { //~ function slugify doc="Makes a slug." decorators="inline | must_use" signature="pub fn slugify(title: &str, most: usize) -> String" import="use crate::slug::slugify;"
    fn lower(text: &str) -> String { //~ function slugify.lower local private
        text.to_lowercase()
    }
    lower(title).chars().take(most).collect()
}

/// What is written.
#[derive(Debug, Clone)]
pub struct Post<T> { //~ class Post doc="What is written." decorators="derive(Debug, Clone)"
    #[serde(default)]
    pub title: T,
}

pub enum Kind { //~ class Kind
    One,
    Two(u8),
}

pub type Slug = String; //~ type Slug

pub trait Store { //~ class Store
    fn get(&self, key: &str) -> Option<String>; //~ method Store.get trivial private contract
    fn has(&self, key: &str) -> bool { //~ method Store.has private contract
        self.get(key).is_some()
    }
}

impl<T> Post<T> {
    pub const SIZE: usize = 1; //~ constant Post.SIZE import="use crate::slug::Post;"

    /// Makes one.
    pub fn new(title: T) -> Self { //~ method Post.new doc="Makes one." import="use crate::slug::Post;"
        Self { title }
    }
}

impl<T: Clone> Store for Post<T> {
    fn get(&self, _: &str) -> Option<String> { //~ method Post.get trivial private contract
        todo!()
    }
}

impl std::fmt::Display for crate::pages::Page {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result { //~ method Page.fmt private contract
        write!(f, "{}", self.title)
    }
}

pub mod dates {
    pub fn today() -> Date { //~ function dates.today import="use crate::slug::dates::today;"
        Date::now()
    }
}

#[cfg(unix)]
pub fn separator() -> char { //~ function separator branch decorators="cfg(unix)"
    '/'
}

#[cfg(windows)]
pub fn separator() -> char { //~ function separator branch decorators="cfg(windows)"
    '\\'
}

pub fn empty() {} //~ function empty trivial

extern "C" {
    fn outside(size: u32) -> u32; //~ function outside trivial private
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helper() -> u8 { //~ function tests.helper test branch private
        1
    }

    #[test]
    fn slugs() { //~ function tests.slugs test branch private decorators="test"
        assert_eq!(helper(), 1);
    }
}

#[tokio::test]
async fn loads() { //~ function loads test private decorators="tokio::test"
    load().await;
}
