//! OAuth without I/O: builds requests and parses replies, sends nothing and asks no clock.

pub mod advice;
pub mod assertion;
pub mod authorize;
pub mod callback;
pub mod credentials;
pub mod describe;
pub mod device;
pub mod dialect;
pub mod discovery;
pub mod echo;
pub mod exchange;
pub mod grant;
pub mod id_token;
pub mod identity;
pub mod pkce;
pub mod preset;
pub mod reply;
