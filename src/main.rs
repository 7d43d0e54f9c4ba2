//! The `ringback` program: everything is in the library.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// What is freed is overwritten at once: tokens pass through buffers of libraries, which wipe nothing.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    ringback::cli::run()
}
