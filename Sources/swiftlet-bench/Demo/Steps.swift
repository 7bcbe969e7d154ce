/// Steps one after the other, each announced with its time when it is done.
struct Steps: Sendable {
    private var taken: [(title: String, milliseconds: Double)] = []

    /// Does one step.
    mutating func take<R: Sendable>(_ title: String, _ body: () async throws -> R) async rethrows -> R {
        let (milliseconds, result) = try await timed(body)
        taken.append((title, milliseconds))
        print("-- \(title): \(fixed(milliseconds, places: 1)) ms")
        return result
    }

    /// The steps as bars, each starting where the one before it ended.
    func chart(width: Int = 60) -> String {
        let total = max(taken.reduce(0) { $0 + $1.milliseconds }, 0.001)
        var start = 0.0
        let lines = taken.map { step in
            let from = Int(start / total * Double(width))
            start += step.milliseconds
            let to = max(from + 1, Int(start / total * Double(width)))
            let bar = String(repeating: " ", count: from) + String(repeating: "█", count: to - from)
            let figure = fixed(step.milliseconds, places: 1)
            return bar + String(repeating: " ", count: max(0, width + 1 - to)) + String(repeating: " ", count: max(0, 8 - figure.count))
                + figure + " ms  " + step.title
        }
        return lines.joined(separator: "\n") + "\n" + String(repeating: " ", count: width + 1) + "= \(fixed(total, places: 0)) ms"
    }
}
