//! What belongs to one thread: the core that it runs on, and the system calls that it may make.

use std::mem::{MaybeUninit, offset_of};

use nix::libc;

/// The cores that this process may run on: those of its main thread, which nobody moves.
///
/// # Panics
///
/// The kernel does not say.
#[must_use]
#[expect(unsafe_code, reason = "a system call, see SAFETY")]
pub fn cores() -> Vec<usize> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel writes to the set, as large as said. Zeros are an empty one.
    let set = unsafe {
        let main = libc::getpid();
        assert_eq!(libc::sched_getaffinity(main, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()), 0, "it is known");
        set.assume_init()
    };
    // SAFETY: the set is read, at places inside.
    (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
}

/// Moves this thread to a core, where it stays.
///
/// # Panics
///
/// It may not run there.
#[expect(unsafe_code, reason = "a system call, see SAFETY")]
pub fn move_to_core(core: usize) {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set is written at a place inside (it panics otherwise), and then read by the kernel, which returns when the
    // thread is there.
    unsafe {
        libc::CPU_SET(core, set.assume_init_mut());
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set.as_ptr()), 0, "core {core}");
        assert_eq!(usize::try_from(libc::sched_getcpu()).ok(), Some(core));
    }
}

/// Has `getrusage` succeed without doing anything, for this thread and those that it starts, for good: all counts are what the
/// caller had put there. A kernel that does not count (gVisor) fills in zeros.
///
/// # Panics
///
/// The kernel takes no filters.
#[expect(unsafe_code, reason = "a system call, see SAFETY")]
pub fn stop_counts() {
    let load = u16::try_from(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS).expect("a code");
    let jump = u16::try_from(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K).expect("a code");
    let end = u16::try_from(libc::BPF_RET | libc::BPF_K).expect("a code");
    let number = u32::try_from(offset_of!(libc::seccomp_data, nr)).expect("a place");
    let getrusage = u32::try_from(libc::SYS_getrusage).expect("a number");
    let mut filter = [
        libc::sock_filter { code: load, jt: 0, jf: 0, k: number },
        libc::sock_filter { code: jump, jt: 0, jf: 1, k: getrusage },
        // The error 0 is none.
        libc::sock_filter { code: end, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO },
        libc::sock_filter { code: end, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW },
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the program, and the filter that it points to.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0, "the thread can give up rights");
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program),
            0,
            "a filter is taken"
        );
    }
}
