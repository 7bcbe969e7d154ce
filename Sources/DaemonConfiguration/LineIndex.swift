/// On which line of a TOML file each key stands, for messages. It reads headers and keys, not values; a line inside of a
/// multi-line value may count as a key, which no message ever asks for.
struct LineIndex {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var table = ""
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("[") {
                table = line.drop { $0 == "[" }.prefix { $0 != "]" }.filter { $0 != "\"" && $0 != " " }
                note(table, index + 1)
            } else if !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") {
                let key = line[..<equals].filter { $0 != " " && $0 != "\t" && $0 != "\"" }
                note(table.isEmpty ? key : "\(table).\(key)", index + 1)
            }
        }
    }

    private mutating func note(_ path: String, _ line: Int) { if lines[path] == nil { lines[path] = line } }

    subscript(path: String) -> Int? { lines[path] }
}
