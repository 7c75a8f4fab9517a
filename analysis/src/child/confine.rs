//! What a child gives up before it reads the first byte (`docs/adr/0005-decoders-run-in-a-child-process.md`).

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Limits;

/// The hard limit of CPU time lies this much above the soft one: the kernel sends SIGXCPU at the soft limit, which nobody
/// else sends, and SIGKILL at the hard one, which an operator might have sent as well.
const CPU_GRACE_S: u64 = 5;

/// Confines this process for good. To be called before it has a second thread.
pub(super) fn confine(limits: &Limits) -> io::Result<()> {
    limit(Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    limit(Resource::Cpu, limits.cpu_s, limits.cpu_s + CPU_GRACE_S)?;
    limit(Resource::Fsize, limits.output_bytes, limits.output_bytes)?;
    // A crash is expected now and then, and leaves nothing behind.
    limit(Resource::Core, 0, 0)?;
    drop_rights()?;
    // After Landlock, whose ruleset is a descriptor: what is open stays open. Where more are allowed, it is for copies of
    // these; Landlock and seccomp leave nothing else to open.
    limit(Resource::Nofile, limits.descriptors, limits.descriptors)
}

fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(soft),
        maximum: Some(hard),
    };
    Ok(setrlimit(resource, limit)?)
}

/// No file by its path, no socket, no other program. Where the kernel lacks Landlock or seccomp, what it has.
#[cfg(target_os = "linux")]
fn drop_rights() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    forbid_paths()?;
    forbid_calls()
}

#[cfg(not(target_os = "linux"))]
fn drop_rights() -> io::Result<()> {
    Ok(())
}

/// A Landlock ruleset without a rule: every access to a path is refused.
#[cfg(target_os = "linux")]
fn forbid_paths() -> io::Result<()> {
    use landlock::{ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _};
    let restrict = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V5))?
            .create()?
            .restrict_self()
    };
    restrict().map(drop).map_err(io::Error::other)
}

/// The calls that decoding needs least: the network, other programs, other processes, and the ways around them.
#[cfg(target_os = "linux")]
fn forbid_calls() -> io::Result<()> {
    use seccompiler::{BpfProgram, Error, SeccompAction, SeccompFilter};
    const FORBIDDEN: [i64; 13] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_pidfd_send_signal,
        libc::SYS_io_uring_setup,
    ];
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(
        FORBIDDEN.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs()),
        arch,
    );
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(io::Error::other)?;
    match seccompiler::apply_filter(&program) {
        // A kernel without seccomp.
        Err(Error::Seccomp(error) | Error::Prctl(error))
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        applied => applied.map_err(io::Error::other),
    }
}

/// What this process can still reach of a file, the network and other programs; nothing where it is confined.
pub(super) fn reach() -> Vec<&'static str> {
    let attempts: [(&'static str, io::Result<()>); 6] = [
        ("a file was read", std::fs::File::open("/etc/passwd").map(drop)),
        ("a folder was listed", std::fs::read_dir("/").map(drop)),
        (
            "a file was written",
            std::fs::write(std::env::temp_dir().join("mixlens-confinement"), b"x"),
        ),
        (
            "the network was reached",
            std::net::UdpSocket::bind(("127.0.0.1", 0)).map(drop),
        ),
        (
            "a local socket was opened",
            std::os::unix::net::UnixStream::pair().map(drop),
        ),
        (
            "a program was started",
            std::process::Command::new("/bin/true").status().map(drop),
        ),
    ];
    attempts
        .into_iter()
        .filter(|(_, attempt)| attempt.is_ok())
        .map(|(what, _)| what)
        .collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Landlock and seccomp are a thread's own, unlike the limits, so that each can be tested by itself.
    fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(work).join().unwrap()
    }

    #[test]
    fn without_paths_no_file_can_be_opened_made_or_listed() {
        let reached = on_a_thread(|| {
            forbid_paths().unwrap();
            reach()
        });
        assert_eq!(reached, ["the network was reached", "a local socket was opened"]);
    }

    #[test]
    fn without_calls_there_is_no_socket_and_no_program() {
        let reached = on_a_thread(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            forbid_calls().unwrap();
            reach()
        });
        assert_eq!(
            reached,
            ["a file was read", "a folder was listed", "a file was written"]
        );
    }

    #[test]
    fn a_confined_thread_reaches_nothing_and_still_computes_on_several() {
        let (reached, sum) = on_a_thread(|| {
            drop_rights().unwrap();
            let sum = on_a_thread(|| (0..1_000_u64).sum::<u64>());
            (reach(), sum)
        });
        assert_eq!((reached, sum), (Vec::<&str>::new(), 499_500));
    }
}
