/// What is measured, in the order of the table.
enum Measure: String, CaseIterable, Sendable {
    case version = "Version"
    case runPod = "RunPodSandbox"
    case startContainer = "CreateContainer + StartContainer"
    case podUp = "whole pod up"
    case podDown = "whole pod down"
    case exec = "ExecSync true"
    case manyUp = "pods up, 10 at once"
    case pull = "pull"
    case cpu = "daemon CPU a pod, up and down"
    case resident = "daemon resident with the pods up"
    case execOutput = "exec, output"
    case execInput = "exec, input"
    case portForward = "port-forward, from the pod"

    var unit: String {
        switch self {
        case .resident: "MiB"
        case .execOutput, .execInput, .portForward: "MB/s"
        default: "ms"
        }
    }
}

/// Samples of every measure, for contestants by their index.
struct Results: Sendable {
    private var samples: [Measure: [Int: [Double]]] = [:]

    mutating func add(_ value: Double, to measure: Measure, of contestant: Int) {
        samples[measure, default: [:]][contestant, default: []].append(value)
    }

    func median(_ measure: Measure, of contestant: Int) -> Double? {
        samples[measure]?[contestant].flatMap { Results.median($0) }
    }

    /// The middle value, or the mean of the middle two; nil for no values.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// A Markdown table of medians, with the ratio of the first contestant's to each other's.
    func table(_ names: [String], titles: [Measure: String] = [:]) -> String {
        let ratios = names.dropFirst().map { "\(names[0]) / \($0)" }
        var lines = [row(["median of interleaved rounds"] + names + ratios), row(Array(repeating: "---", count: names.count * 2))]
        for measure in Measure.allCases {
            let medians = names.indices.map { median(measure, of: $0) }
            guard medians.contains(where: { $0 != nil }) else { continue }
            let first = medians[0]
            let quotients = medians.dropFirst().map { other in
                first.flatMap { first in other.map { fixed(first / $0, places: 2) } } ?? ""
            }
            let figures = medians.map { $0.map { fixed($0, places: $0 < 100 ? 1 : 0) } ?? "" }
            lines.append(row(["\(titles[measure] ?? measure.rawValue), \(measure.unit)"] + figures + quotients))
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
}

/// `value` with a fixed number of decimal places.
func fixed(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(scaled)" }
    let digits = String(repeating: "0", count: max(0, places + 1 - String(scaled).count)) + String(scaled)
    return sign + digits.dropLast(places) + "." + digits.suffix(places)
}
