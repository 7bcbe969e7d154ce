extension CgroupLimits {
    /// Those that systemd has no property for.
    public var withoutUnitProperties: CgroupLimits {
        var rest = CgroupLimits()
        (rest.hugepages, rest.unified) = (hugepages, unified)
        return rest
    }
}

extension UnitProperty {
    /// The properties of a slice that stand for limits, systemd.resource-control(5). What systemd has no property for is left to the
    /// cgroup's files: huge pages, and files that are asked for by name.
    public static func properties(_ limits: CgroupLimits, _ version: CgroupLayout.Version) -> [UnitProperty] {
        func bound(_ value: Int64) -> Value { .number(value < 0 ? .max : UInt64(value)) }
        var list: [UnitProperty] = []
        func add(_ name: String, _ value: Value?) { if let value { list.append(UnitProperty(name, value)) } }
        switch version {
        case .v1:
            add("CPUShares", limits.cpuShares.map { .number($0) })
            add("MemoryLimit", limits.memory.map(bound))
        case .v2:
            add("CPUWeight", limits.cpuShares.map { .number(CgroupLimits.weight(shares: $0)) })
            add("MemoryMax", limits.memory.map(bound))
            if let both = limits.memoryAndSwap {
                if both < 0 {
                    add("MemorySwapMax", .number(.max))
                } else if let memory = limits.memory, memory >= 0 {
                    add("MemorySwapMax", bound(max(0, both - memory)))
                }
            }
            add("AllowedCPUs", limits.cpus.flatMap(mask))
            add("AllowedMemoryNodes", limits.memoryNodes.flatMap(mask))
        }
        if let quota = limits.cpuQuota {
            add("CPUQuotaPerSecUSec", .number(perSecond(quota, period: limits.cpuPeriod)))
            add("CPUQuotaPeriodUSec", limits.cpuPeriod.map { .number($0) })
        }
        return list
    }

    /// Microseconds of processor time a second. systemd counts in steps of a hundredth of a CPU, 10 ms, upwards as runc does it.
    private static func perSecond(_ quota: Int64, period: UInt64?) -> UInt64 {
        guard quota > 0 else { return .max }
        let period = max(1, period ?? 100_000)
        let (microseconds, overflow) = UInt64(quota).multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return .max }
        let exact = microseconds / period
        return exact % 10_000 == 0 ? exact : (exact / 10_000 + 1) * 10_000
    }

    /// A list of numbers, `0-2,5`, as a bit each; nil where it is none.
    static func mask(_ list: String) -> Value? {
        var bytes: [UInt8] = []
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 0, first <= last, last < 8192 else { return nil }
            for number in first...last {
                while bytes.count <= number / 8 { bytes.append(0) }
                bytes[number / 8] |= 1 << UInt8(number % 8)
            }
        }
        return bytes.isEmpty ? nil : .mask(bytes)
    }
}
