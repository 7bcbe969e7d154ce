/// Paths of /proc and /sys that containers are not to see.
enum MaskedPaths {
    /// What is hidden from every container that has anything hidden, as by CRI-O: what tells of the host's hardware and
    /// load, keys, and memory.
    static let standard = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
        "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
    ]

    /// The paths of a request with the standard ones. A request without any asks for all to be seen (procMount: Unmasked).
    static func resolved(_ request: [String]) -> [String] {
        request.isEmpty ? [] : request + standard.filter { !request.contains($0) }
    }
}
