import CLinux

/// CPUs of this host, by number; as text a list such as `0-3,5`, cpuset(7) "List format".
public struct CPUSet: Sendable, Equatable {
    public let cpus: Set<Int>

    /// Nil for what is no such list, or has numbers beyond those that the kernel's masks hold.
    public init?(list: String) {
        var cpus: Set<Int> = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap(Self.number), let last = ends.last.flatMap(Self.number), first <= last else { return nil }
            cpus.formUnion(first...last)
        }
        self.cpus = cpus
    }

    /// CPUs in a mask: as many as glibc's have.
    private static let limit = 1024

    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text), number < limit else {
            return nil
        }
        return number
    }

    /// Has a process run on these CPUs alone; its cgroup may narrow that further.
    /// - Throws: `SystemError`, with EINVAL where the host has none of them.
    public func bind(_ pid: Int32) throws(SystemError) {
        // The mask is an array of words, and Linux runs little-endian here: bit N is in byte N / 8.
        var mask = [UInt8](repeating: 0, count: Self.limit / 8)
        for cpu in cpus { mask[cpu / 8] |= 1 << UInt8(cpu % 8) }
        try check("sched_setaffinity", "\(pid)") { clinux_set_affinity(pid, mask, mask.count) }
    }
}
