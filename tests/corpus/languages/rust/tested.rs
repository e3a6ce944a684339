//~ path crates/text/tests/slugs.rs
fn helper() -> u8 { //~ function helper test private
    1
}
