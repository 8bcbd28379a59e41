//! How this process handles memory, and how much it took.

/// How large an allocation must be to go back to the system as soon as it is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MMAP_THRESHOLD: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");

/// Makes sure that a picture's memory goes back to the system when the picture is done. To be called first thing in `main`.
///
/// glibc raises its threshold with every large allocation that is freed, up to 32 MiB, and then keeps what each thread took: with pictures
/// that adds up to several times what they need. The threshold is read from the environment when a process starts, so that this one starts
/// itself again in its place, with the same arguments and process id. Other systems' allocators need no help.
pub fn return_when_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::os::unix::process::CommandExt;
        let (name, value) = MMAP_THRESHOLD;
        // Whoever has set it means it; and it is set the second time.
        if std::env::var_os(name).is_some() {
            return;
        }
        let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else { return };
        let Some(own_name) = arguments.next() else { return };
        // Returns only where it failed: then all works as before, in more memory.
        let _ = std::process::Command::new(program).arg0(own_name).args(arguments).env(name, value).exec();
    }
}

/// The most memory that this process has had at once, in bytes; nothing where the system does not say.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_covers_what_was_just_allocated() {
        let data = vec![1_u8; 50 << 20];
        assert!(super::peak().is_some_and(|peak| peak > data.len() as u64));
    }
}
