//! Only exits: what starting any process costs.

fn main() {}
