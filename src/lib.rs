//! ringback: a local OAuth helper daemon.
