import GRDB
import GRDBSQLite
import Glibc
import Linux

/// The room that a store keeps for itself, so that what it holds can be changed and removed on a disk without a byte or an inode left.
///
/// Three things would need the disk:
/// - the log, which has its full size from the start, is written over and over, and stays when the store is closed;
/// - the file, as the log is carried over into it: it grows by steps, and never has more pages than the disk has given it;
/// - a record that becomes larger: a table holds zeros, which are given up a row at a time when the file cannot grow.
///
/// The log's index, which SQLite would put into a third file anew at each opening, is in memory.
struct Reserve: Sendable {
    /// The store's file.
    let path: String

    /// Twice what the log has when SQLite carries it over, 1000 pages.
    private static let logBytes: Int64 = 8 << 20
    /// What the file grows by.
    static let step = 1 << 20
    /// The most steps for one change: what a request of the CRI can carry, 16 MiB, twice.
    static let mostSteps = 32
    private static let rows = 16
    private static let bytesPerRow = 48 << 10
    /// What all of it takes at the most, with something left for others.
    private static let needed = UInt64(logBytes) + 4 * UInt64(step)

    /// Sets up a connection that was just opened, before it reads anything.
    static func prepare(_ database: Database) throws {
        // The file is this process's alone: then SQLite needs no index that others could read.
        try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY")
        var keepsLog: CInt = 1
        control(database, SQLITE_FCNTL_PERSIST_WAL, &keepsLog)
    }

    /// Takes the room from the disk, as far as it is missing and the disk has it.
    /// - Returns: whether all of it is there.
    func fill(_ database: Database) throws -> Bool {
        guard try hasDisk() else { return false }
        let log = try OwnedDescriptor.open(path + "-wal", O_RDWR)
        guard posix_fallocate(log.raw, 0, off_t(Self.logBytes)) == 0 else { return false }
        try database.execute(sql: "CREATE TABLE IF NOT EXISTS store_reserve (id INTEGER PRIMARY KEY, zeros BLOB NOT NULL)")
        let missing = Self.rows - (try Int.fetchOne(database, sql: "SELECT count(*) FROM store_reserve") ?? 0)
        guard try grow(database, by: max(missing, 0) * Self.bytesPerRow) else { return false }
        for _ in 0..<max(missing, 0) {
            try database.execute(sql: "INSERT INTO store_reserve (zeros) VALUES (zeroblob(?))", arguments: [Self.bytesPerRow])
        }
        return try limit(database)
    }

    /// Limits the file to what the disk has given it, rounded up to a step where the disk has that.
    /// - Returns: whether it had.
    @discardableResult
    func limit(_ database: Database) throws -> Bool {
        let (pages, pageSize) = (try Self.number(database, "page_count"), try Self.number(database, "page_size"))
        let size = Self.rounded(pages * pageSize)
        if takesSteps(database, to: size) {
            try setLimit(database, pages: size / pageSize)
            return true
        }
        let given = try fileSize()
        if given % Self.step != 0 {
            // SQLite would round the size up all the same, with a hole.
            var none: CInt = 0
            Self.control(database, SQLITE_FCNTL_CHUNK_SIZE, &none)
        }
        try setLimit(database, pages: max(pages, given / pageSize))
        return false
    }

    /// Lets the file have more pages, if the disk gives them. SQLite takes back what is a whole step beyond its last page when it
    /// carries the log over: `limit` has to follow what was to be written.
    /// - Parameter bytes: how many more at least; a step more than it may have now at the least.
    func grow(_ database: Database, by bytes: Int = 0) throws -> Bool {
        let (pages, pageSize) = (try Self.number(database, "page_count"), try Self.number(database, "page_size"))
        let size = Self.rounded(pages * pageSize) + Self.rounded(bytes + 1)
        guard takesSteps(database, to: size) else { return false }
        try setLimit(database, pages: size / pageSize)
        return true
    }

    private func takesSteps(_ database: Database, to size: Int) -> Bool {
        var step = CInt(Self.step)
        Self.control(database, SQLITE_FCNTL_CHUNK_SIZE, &step)
        var hint = Int64(size)
        return Self.control(database, SQLITE_FCNTL_SIZE_HINT, &hint) == SQLITE_OK
    }

    private func setLimit(_ database: Database, pages: Int) throws {
        _ = try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(pages)")
    }

    private static func rounded(_ bytes: Int) -> Int { (bytes + step - 1) / step * step }

    /// Gives up a part of the reserve, for a change that finds no other room.
    /// - Returns: false where nothing was left.
    func giveUpPart(_ database: Database) throws -> Bool {
        guard try database.tableExists("store_reserve") else { return false }
        try database.execute(sql: "DELETE FROM store_reserve WHERE id = (SELECT max(id) FROM store_reserve)")
        return database.changesCount > 0
    }

    private func hasDisk() throws -> Bool {
        var disk = statvfs()
        try check("statvfs", path) { statvfs(path, &disk) }
        return UInt64(disk.f_bavail) * UInt64(disk.f_frsize) >= Self.needed
    }

    private func fileSize() throws -> Int {
        var status = stat()
        try check("stat", path) { stat(path, &status) }
        return Int(status.st_size)
    }

    private static func number(_ database: Database, _ pragma: String) throws -> Int {
        guard let number = try Int.fetchOne(database, sql: "PRAGMA \(pragma)"), number > 0 else {
            throw DatabaseError(message: "PRAGMA \(pragma) has no answer")
        }
        return number
    }

    @discardableResult
    private static func control<Argument>(_ database: Database, _ operation: CInt, _ argument: inout Argument) -> CInt {
        withUnsafeMutablePointer(to: &argument) { sqlite3_file_control(database.sqliteConnection, "main", operation, $0) }
    }
}
