//! Pending logins.
