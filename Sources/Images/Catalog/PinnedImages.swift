/// The images that the node's configuration keeps, by patterns in which `*` stands for any run of characters.
struct PinnedImages: Sendable, Equatable {
    let patterns: [String]

    func match(_ image: ImageRecord) -> Bool {
        patterns.contains { pattern in image.names.contains { PinnedImages.match($0, pattern) } }
    }

    /// Matches greedily and goes back to the last `*` only, which is enough and takes no more than the product of the lengths.
    static func match(_ name: String, _ pattern: String) -> Bool {
        let (name, pattern) = (Array(name.utf8), Array(pattern.utf8))
        let star = UInt8(ascii: "*")
        var (position, next) = (0, 0)
        var retry: (position: Int, next: Int)?
        while position < name.count {
            if next < pattern.count, pattern[next] == star {
                next += 1
                retry = (position, next)
            } else if next < pattern.count, pattern[next] == name[position] {
                (position, next) = (position + 1, next + 1)
            } else if let last = retry {
                (position, next) = (last.position + 1, last.next)
                retry = (position, next)
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == star }
    }
}
