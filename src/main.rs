//! The `ringback` program.
fn main() {}
