import CLinux
import Glibc
import Linux

/// A container's first process: its number and, since numbers come again, when it started.
public struct ContainerProcess: Sendable, Equatable {
    public var containerID: String
    public var pid: Int32?
    /// /proc/PID/stat, field 22: clock ticks since boot.
    public var startTime: UInt64?
    /// The boot in which it was made, proc_sys_kernel(5), random/boot_id: after another one the same number and time may be anyone's.
    /// Nil where that is not known.
    public var boot: String?
    /// The directory with config.json and what the monitor writes.
    public var bundle: String
    /// The container's cgroup, a directory a hierarchy.
    public var cgroupDirectories: [String]

    public init(
        containerID: String, pid: Int32? = nil, startTime: UInt64? = nil, boot: String? = nil, bundle: String,
        cgroupDirectories: [String] = []
    ) {
        self.containerID = containerID
        self.pid = pid
        self.startTime = startTime
        self.boot = boot
        self.bundle = bundle
        self.cgroupDirectories = cgroupDirectories
    }

    /// The boot that the host is in now; nil where the kernel does not tell.
    public static let currentBoot: String? = (try? Files.readText("/proc/sys/kernel/random/boot_id"))?.filter { !$0.isNewline }

    /// Whether the host was started anew since.
    public var isOfAnEarlierBoot: Bool { boot != nil && Self.currentBoot != nil && boot != Self.currentBoot }

    /// Opens the process if it is still the same one. A zombie counts as ended.
    func openProcess() -> OwnedDescriptor? {
        guard let pid, pid > 0, !isOfAnEarlierBoot else { return nil }
        let raw = clinux_pidfd_open(pid, 0)
        guard raw >= 0 else { return nil }
        let descriptor = OwnedDescriptor(raw)
        // Asked after the descriptor is open: from here on the number cannot go to another unseen.
        guard let status = ProcessStatus.read(pid), status.isAlive, startTime == nil || status.startTime == startTime else { return nil }
        return descriptor
    }

    public var isAlive: Bool { openProcess() != nil }
}

/// What /proc/PID/stat tells of a process, proc_pid_stat(5).
public struct ProcessStatus: Sendable, Equatable {
    /// `R`, `S`, `Z` and so on.
    public let state: Character
    public let parent: Int32
    public let startTime: UInt64

    public var isAlive: Bool { state != "Z" && state != "X" }

    /// Reads the text of the file. The name, in parentheses, may itself hold parentheses and spaces.
    public init?(text: String) {
        guard let close = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count >= 20, let state = fields[0].first, let parent = Int32(fields[1]), let start = UInt64(fields[19]) else {
            return nil
        }
        self.state = state
        self.parent = parent
        startTime = start
    }

    /// Nil where there is no such process.
    public static func read(_ pid: Int32) -> ProcessStatus? {
        (try? Files.readText("/proc/\(pid)/stat")).flatMap(ProcessStatus.init)
    }
}
