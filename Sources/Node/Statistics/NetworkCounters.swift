/// One interface's counters, a line of /proc/net/dev, proc_pid_net(5).
struct NetworkCounters: Equatable, Sendable {
    let name: String
    let receivedBytes: UInt64
    let receivedPackets: UInt64
    let receiveErrors: UInt64
    let receiveDrops: UInt64
    let sentBytes: UInt64
    let sentPackets: UInt64
    let sendErrors: UInt64
    let sendDrops: UInt64

    /// Reads the file's text; lines that are not of the form are left out, and so is the loopback.
    static func parse(_ text: String) -> [NetworkCounters] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let name = parts[0].split(separator: " ").first, name != "lo" else { return nil }
            let numbers = parts[1].split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count >= 16 else { return nil }
            return NetworkCounters(
                name: String(name), receivedBytes: numbers[0], receivedPackets: numbers[1], receiveErrors: numbers[2],
                receiveDrops: numbers[3], sentBytes: numbers[8], sentPackets: numbers[9], sendErrors: numbers[10], sendDrops: numbers[11])
        }
    }
}
