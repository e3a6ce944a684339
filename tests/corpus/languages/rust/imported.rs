//~ path crates/shop-text/src/lib.rs
//~ from crates/shop/src/main.rs
pub fn slugify() -> u8 { //~ function slugify import="use shop_text::slugify;"
    1
}
