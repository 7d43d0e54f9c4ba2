//! The version of the API.

/// The version that every reply carries.
pub const VERSION: u32 = 1;
