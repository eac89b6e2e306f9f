//! What a trap leaves on the signal stack.

/// Wipes the signal stack of this thread.
///
/// Traps are signals: checking every access to memory instead would double the size of compiled code. The kernel saves the
/// registers of whoever is interrupted on the thread's signal stack, and vector registers are what copies of a value go
/// through, so after a trap a piece of the value would stay there for as long as the thread lives.
#[allow(unsafe_code, reason = "no safe interface knows where the signal stack of a thread is")]
pub(crate) fn wipe() {
    let mut stack = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: with a null first argument nothing is changed; the second is a place for the answer.
    let asked = unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
    let in_use = libc::SS_ONSTACK | libc::SS_DISABLE;
    if asked == 0 && stack.ss_flags & in_use == 0 && !stack.ss_sp.is_null() {
        // SAFETY: the kernel says that this is the thread's own signal stack, mapped and of this size, and that no handler
        // runs on it; nothing else lives there.
        unsafe { std::ptr::write_bytes(stack.ss_sp.cast::<u8>(), 0, stack.ss_size) };
    }
}
