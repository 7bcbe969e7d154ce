/// How long tasks waited for a resource: pressure stall information, "PSI" in the kernel's documentation.
public struct Pressure: Sendable, Equatable {
    public struct Figures: Sendable, Equatable {
        /// Percent of the last 10, 60 and 300 seconds.
        public var average10: Double
        public var average60: Double
        public var average300: Double
        /// Nanoseconds since the cgroup was made.
        public var total: UInt64

        public init(average10: Double, average60: Double, average300: Double, total: UInt64) {
            self.average10 = average10
            self.average60 = average60
            self.average300 = average300
            self.total = total
        }
    }

    /// While at least one task waited.
    public var some: Figures?
    /// While all tasks waited at once.
    public var full: Figures?

    /// Reads the text of `cpu.pressure`, `memory.pressure` or `io.pressure`; nil where no line is of the form.
    public init?(text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let kind = fields.first, let figures = Self.figures(fields.dropFirst()) else { continue }
            switch kind {
            case "some": some = figures
            case "full": full = figures
            default: continue
            }
        }
        if some == nil, full == nil { return nil }
    }

    private static func figures(_ fields: ArraySlice<Substring>) -> Figures? {
        var values: [Substring: Substring] = [:]
        for field in fields {
            let parts = field.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        func percent(_ name: Substring) -> Double? { values[name].flatMap { Double($0) }.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } }
        guard let average10 = percent("avg10"), let average60 = percent("avg60"), let average300 = percent("avg300"),
            let microseconds = values["total"].flatMap({ UInt64($0) })
        else { return nil }
        return Figures(
            average10: average10, average60: average60, average300: average300,
            total: microseconds.multipliedReportingOverflow(by: 1000).partialValue)
    }
}
