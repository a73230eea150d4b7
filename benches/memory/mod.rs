//! What the system says about the memory of this process.

/// A figure of `/proc/self/status`, such as `VmHWM`, the most that the process has held, or `VmRSS`, what it holds;
/// `None` where the system does not tell as Linux does.
pub fn bytes(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.strip_prefix(':')?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
