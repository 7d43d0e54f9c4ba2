//! ringback: a local OAuth helper daemon.

pub mod sandbox;
