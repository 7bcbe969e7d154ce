import Linux

/// A line of a container's log in the CRI's format: `TIME STREAM TAG TEXT`.
struct LogLine: Equatable, Sendable {
    let time: String
    let stream: String
    /// `F` ends a line, `P` says that it goes on in the next entry.
    let tag: String
    let text: String

    init?(_ line: Substring) {
        let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { return nil }
        (time, stream, tag, text) = (parts[0], parts[1], parts[2], parts[3])
    }

    /// RFC 3339 with nine digits of a second's fraction, in UTC or with an offset.
    var hasValidTime: Bool {
        (try? #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)/#.wholeMatch(in: time)) != nil
    }

    /// The lines of a log file.
    /// - Throws: `SystemError` if it cannot be read, `MalformedLog` for a line that is not in the format.
    static func read(_ path: String) throws -> [LogLine] {
        try Files.readText(path).split(separator: "\n").map { line in
            guard let parsed = LogLine(line), parsed.hasValidTime else { throw MalformedLog(line: String(line)) }
            return parsed
        }
    }

    /// What was written, line by line: the parts of a line are put together. A monitor tells a line in parts
    /// where its buffer ends, which a container that writes faster than the monitor reads can have at any line.
    static func whole(_ lines: [LogLine]) -> [String] {
        var texts: [String] = []
        var goesOn = false
        for line in lines {
            if goesOn, let last = texts.indices.last { texts[last] += line.text } else { texts.append(line.text) }
            goesOn = line.tag == "P"
        }
        return texts
    }
}

struct MalformedLog: Error {
    let line: String
}
