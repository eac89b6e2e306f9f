//! Plugins that mean harm, called directly: what they get, what stays of the process, what stays of a value in it.

mod attempt;
#[path = "../../../../tests/src/guest.rs"]
mod guest;
mod memory;
mod residue;
mod rows;
mod scan;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroizing_alloc::ZeroAlloc;

/// As in the programs: what wasmtime and other libraries free is wiped too.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// These tests look at the whole process, so no two run at the same time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
