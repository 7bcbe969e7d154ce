import FoundationEssentials
import Linux
import OCI

/// The limits that a workload gives; those that are nil stay the request's.
public struct WorkloadResources: Sendable, Equatable {
    static let names = ["cpushares", "cpuquota", "cpuperiod", "cpuset", "cpulimit"]

    public private(set) var shares: UInt64?
    /// Microseconds.
    public private(set) var quota: Int64?
    /// Microseconds.
    public private(set) var period: UInt64?
    /// As `0-3,5`.
    public private(set) var cpuset: String?
    /// The values as they were given, by name.
    let values: [String: String]

    /// Values by the names of crio.conf(5); empty ones and zeros say nothing. A `cpulimit` in thousandths of a CPU becomes a quota.
    /// - Throws: `SpecError.invalid`.
    init(_ values: [String: String]) throws(SpecError) {
        self.values = values
        if let unknown = values.keys.sorted().first(where: { !Self.names.contains($0) }) {
            throw .invalid("the resource '\(unknown)' is none of \(Self.names.joined(separator: ", "))")
        }
        shares = try Self.number("cpushares", values).map { UInt64($0) }
        quota = try Self.number("cpuquota", values)
        period = try Self.number("cpuperiod", values).map { UInt64($0) }
        cpuset = values["cpuset"]?.nonEmpty
        if let cpuset, CPUSet(list: cpuset) == nil { throw .invalid("cpuset is '\(cpuset)', which is no list of CPUs such as 0-3,5") }
        if let period, period < Self.leastPeriod { throw .invalid("cpuperiod is \(period); the least is \(Self.leastPeriod) microseconds") }
        if let limit = try Self.number("cpulimit", values) {
            let (product, overflow) = limit.multipliedReportingOverflow(by: Int64(clamping: period ?? Self.standardPeriod))
            guard !overflow else { throw .invalid("cpulimit is \(limit), which is too much") }
            quota = max(product / 1000, Int64(Self.leastPeriod))
        } else if let quota, let shares, quota < Int64(clamping: shares) {
            throw .invalid("cpuquota is \(quota), which is less than cpushares, \(shares)")
        }
    }

    /// Microseconds: the kernel's default and its least.
    private static let standardPeriod: UInt64 = 100_000
    private static let leastPeriod: UInt64 = 1000

    private static func number(_ name: String, _ values: [String: String]) throws(SpecError) -> Int64? {
        guard let text = values[name], !text.isEmpty else { return nil }
        guard let number = Int64(text), number >= 0 else { throw .invalid("\(name) is '\(text)', which is no number from 0 on") }
        return number == 0 ? nil : number
    }

    /// The object of an annotation: numbers and strings by name.
    static func values(json: String) throws(SpecError) -> [String: String] {
        do { return try JSONDecoder().decode([String: Value].self, from: Data(json.utf8)).mapValues(\.text) } catch {
            throw .invalid("'\(json)' is no JSON object of numbers and strings")
        }
    }

    private struct Value: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) { text = "\(number)" } else { text = try container.decode(String.self) }
        }
    }

    func apply(to cpu: inout Spec.CPU) {
        if let shares { cpu.shares = shares }
        if let quota { cpu.quota = quota }
        if let period { cpu.period = period }
        if let cpuset { cpu.cpus = cpuset }
    }
}
