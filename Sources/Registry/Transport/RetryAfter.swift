/// The value of a Retry-After header, RFC 9110 section 10.2.3.
enum RetryAfter {
    /// A day: what a server asks for beyond it is of no use to anybody.
    static let longest = 24 * 3600

    /// Seconds from `now`, 0 to ``longest``; nil if the value is neither a number of seconds nor a date.
    /// - Parameter now: seconds since 1970.
    static func parse(_ text: String, now: Int64) -> Int? {
        let trimmed = text.trimmingPrefix { $0 == " " }
        if !trimmed.isEmpty, trimmed.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // A number too large to hold is a very long time, not a mistake.
            return min(Int(trimmed) ?? .max, longest)
        }
        return httpDate(trimmed).map { Int(min(max(0, $0 - now), Int64(longest))) }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that servers may send.
    private static func httpDate(_ text: Substring) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])) else { return nil }
        let clock = words[4].split(separator: ":").map { Int64($0) }
        guard let day = Int64(words[1]), (1...31).contains(day), let year = Int64(words[3]), (1970...9999).contains(year),
            clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return days(year: year, month: Int64(month) + 1, day: day) * 86400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970 in the Gregorian calendar; the year is taken to begin in March, so that a leap day ends it.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
