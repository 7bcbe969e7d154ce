import Glibc

/// Writes tar archives entry by entry, also ones that no proper tool writes. ustar with PAX records, or GNU's long names.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    struct Entry {
        var name: [UInt8]
        var type: Character = "0"
        var content: [UInt8] = []
        var link: [UInt8] = []
        var mode: UInt32 = 0o644
        var owner: UInt32 = 0
        var group: UInt32 = 0
        var modified: Int = 0
        var major: UInt32 = 0
        var minor: UInt32 = 0
        /// The header's size field, where it is not that of the content.
        var declaredSize: Int64?
    }

    mutating func add(_ entry: Entry) {
        bytes += Self.header(entry)
        append(entry.content)
    }

    mutating func file(
        _ name: String, _ content: String = "", mode: UInt32 = 0o644, owner: UInt32 = 0, group: UInt32 = 0, modified: Int = 0
    ) {
        add(Entry(name: Array(name.utf8), content: Array(content.utf8), mode: mode, owner: owner, group: group, modified: modified))
    }

    mutating func directory(_ name: String, mode: UInt32 = 0o755, owner: UInt32 = 0, group: UInt32 = 0, modified: Int = 0) {
        add(Entry(name: Array(name.utf8), type: "5", mode: mode, owner: owner, group: group, modified: modified))
    }

    mutating func symbolicLink(_ name: String, to target: String) {
        add(Entry(name: Array(name.utf8), type: "2", link: Array(target.utf8), mode: 0o777))
    }

    mutating func hardLink(_ name: String, to target: String) {
        add(Entry(name: Array(name.utf8), type: "1", link: Array(target.utf8)))
    }

    /// Records for the entry that follows, POSIX.1-2001 pax.
    mutating func pax(_ records: [(key: String, value: [UInt8])]) {
        var content: [UInt8] = []
        for (key, value) in records {
            let rest = [UInt8](" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
            var length = rest.count
            while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
            content += Array("\(length)".utf8) + rest
        }
        add(Entry(name: Array("PaxHeaders/x".utf8), type: "x", content: content))
    }

    mutating func pax(_ records: KeyValuePairs<String, String>) { pax(records.map { ($0.key, Array($0.value.utf8)) }) }

    /// GNU's header for a name (`L`) or a link's target (`K`) that is too long for a field.
    mutating func gnuLong(_ type: Character, _ text: String) {
        add(Entry(name: Array("././@LongLink".utf8), type: type, content: Array(text.utf8) + [0]))
    }

    /// Anything, at the block where it comes.
    mutating func append(_ content: [UInt8]) {
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// The archive with its end.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    static func header(_ entry: Entry) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], _ offset: Int, _ width: Int) {
            block.replaceSubrange(offset..<(offset + min(width, text.count)), with: text.prefix(width))
        }
        func octal(_ value: UInt64, _ offset: Int, _ width: Int) {
            let digits = String(value, radix: 8)
            put(Array((String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits).utf8), offset, width - 1)
        }
        put(entry.name, 0, 100)
        octal(UInt64(entry.mode), 100, 8)
        octal(UInt64(entry.owner), 108, 8)
        octal(UInt64(entry.group), 116, 8)
        let size = entry.declaredSize ?? Int64(entry.content.count)
        if size >= 1 << 33 {
            // GNU's binary form, the top bit set.
            block[124] = 0x80
            for index in 0..<8 { block[135 - index] = UInt8(truncatingIfNeeded: size >> (8 * Int64(index))) }
        } else {
            octal(UInt64(size), 124, 12)
        }
        octal(UInt64(entry.modified), 136, 12)
        put([UInt8(String(entry.type).utf8.first ?? 0)], 156, 1)
        put(entry.link, 157, 100)
        put(Array("ustar\0".utf8) + Array("00".utf8), 257, 8)
        octal(UInt64(entry.major), 329, 8)
        octal(UInt64(entry.minor), 337, 8)
        put(Array("        ".utf8), 148, 8)
        let sum = block.reduce(UInt64(0)) { $0 + UInt64($1) }
        octal(sum, 148, 7)
        block[154] = 0
        return block
    }
}
