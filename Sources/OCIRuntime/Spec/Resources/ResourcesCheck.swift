import CRI

/// Whether limits are such as the kernel takes, so that a wrong one is the caller's error with a reason, and not the runtime's.
public struct ResourcesCheck: Sendable {
    let host: SpecHost

    public init(host: SpecHost) { self.host = host }

    /// Bytes that a container needs to start at all.
    public static let leastMemory: Int64 = 512 << 10

    /// - Parameter leastMemory: bytes below which a memory limit is refused.
    /// - Throws: `SpecError.invalid`, or `.unsupported` where this host cannot do it.
    public func check(
        _ request: Runtime_V1_LinuxContainerResources, leastMemory: Int64 = ResourcesCheck.leastMemory
    ) throws(SpecError) {
        try processor(request)
        try memory(request, leastMemory)
        guard (-1000...1000).contains(request.oomScoreAdj) else {
            throw .invalid("oom_score_adj is \(request.oomScoreAdj); the kernel takes -1000 to 1000")
        }
        try unified(request.unified)
    }

    private func processor(_ request: Runtime_V1_LinuxContainerResources) throws(SpecError) {
        guard request.cpuShares == 0 || (2...262_144).contains(request.cpuShares) else {
            throw .invalid("cpu_shares is \(request.cpuShares); it can be 2 to 262144, or 0 for what is in force")
        }
        guard request.cpuPeriod == 0 || (1000...1_000_000).contains(request.cpuPeriod) else {
            throw .invalid("cpu_period is \(request.cpuPeriod) microseconds; it can be 1000 to 1000000, or 0 for what is in force")
        }
        guard request.cpuQuota >= 1000 || request.cpuQuota == 0 || request.cpuQuota == -1 else {
            throw .invalid("cpu_quota is \(request.cpuQuota) microseconds; it can be 1000 and more, -1 for no limit, or 0 for what is in force")
        }
        for (name, list) in [("cpuset_cpus", request.cpusetCpus), ("cpuset_mems", request.cpusetMems)] where !list.isEmpty {
            guard Self.isList(list) else { throw .invalid("\(name) is '\(list)', which is not a list of numbers and ranges such as 0-2,7") }
        }
    }

    private func memory(_ request: Runtime_V1_LinuxContainerResources, _ least: Int64) throws(SpecError) {
        let (limit, swap) = (request.memoryLimitInBytes, request.memorySwapLimitInBytes)
        guard limit >= -1, swap >= -1 else {
            throw .invalid("a memory limit is \(min(limit, swap)) bytes; it can be positive, -1 for no limit, or 0 for what is in force")
        }
        guard limit <= 0 || limit >= least else {
            throw .invalid("the memory limit of \(limit) bytes is below the \(least) that a container needs to start")
        }
        guard swap > 0 else { return }
        guard limit > 0 else {
            throw .invalid("the limit of \(swap) bytes for memory and swap together needs a memory limit beside it")
        }
        guard swap >= limit else {
            throw .invalid("the limit of \(swap) bytes for memory and swap together is below the memory limit of \(limit) bytes")
        }
    }

    private func unified(_ files: [String: String]) throws(SpecError) {
        guard !files.isEmpty else { return }
        let names = files.keys.sorted()
        guard host.cgroupV2 else {
            throw .unsupported("unified resources (\(names.joined(separator: ", "))) need cgroup v2, and this host runs cgroup v1")
        }
        for name in names where name.contains("/") || !name.dropFirst().contains(".") || name.hasPrefix("cgroup.") {
            throw .invalid("the unified resource '\(name)' is not a controller's file, such as memory.high")
        }
    }

    /// Numbers and ranges of them between commas, cpuset(7) "List format".
    static func isList(_ text: String) -> Bool {
        text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { part in
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2, ends.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return false }
            let numbers = ends.compactMap { UInt16($0) }
            return numbers.count == ends.count && numbers == numbers.sorted()
        }
    }
}
