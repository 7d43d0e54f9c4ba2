//! One task per account, and the handle that the doors ask. The only place that knows the order of
//! commit: store proved writable, intent written, request sent, reply committed, then published.

pub mod handle;
