import Synchronization

/// Turns growing counters of processor time into rates: each is compared with what it was when last asked.
final class CPUSampler: Sendable {
    private struct Sample {
        let time: Int64
        let usage: UInt64
        let rate: UInt64?
    }

    private let samples = Mutex<[String: Sample]>([:])

    /// Nanoseconds of processor time a second; nil for the first sample. Samples closer than 100 ms tell nothing new.
    /// - Parameters:
    ///   - usage: nanoseconds of processor time.
    ///   - time: nanoseconds since the epoch.
    func rate(_ id: String, usage: UInt64, time: Int64) -> UInt64? {
        samples.withLock { samples in
            guard let last = samples[id], usage >= last.usage else {
                samples[id] = Sample(time: time, usage: usage, rate: nil)
                return nil
            }
            guard time - last.time >= 100_000_000 else { return last.rate }
            let rate = UInt64(exactly: (Double(usage - last.usage) / Double(time - last.time) * 1e9).rounded())
            samples[id] = Sample(time: time, usage: usage, rate: rate)
            return rate
        }
    }

    func forget(_ id: String) { _ = samples.withLock { $0.removeValue(forKey: id) } }
}
