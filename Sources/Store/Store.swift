import Foundation
import GRDB
import Glibc
import Linux
import Synchronization

/// A named set of records of one type.
public struct Collection<Record: Codable & Sendable & Identifiable>: Sendable where Record.ID == String {
    /// The collection's name: letters and underscores. It is the table's name.
    public let name: String

    public init(_ name: String) { self.name = name }
}

/// The node's durable records: one SQLite file in WAL mode, a table a collection, a JSON document a record.
///
/// What is written survives the daemon's death at any instant. A power cut may take the last few writes, never the
/// file's consistency: what has to be ordered against files on disk is fsynced by its writer before the record.
///
/// On a full disk records can still be changed and removed, and none can be added: see `Reserve`. One process has the file
/// at a time.
public final class Store: Sendable {
    private let database: DatabaseQueue
    private let path: String
    private let reserve: Reserve
    /// Whether the whole reserve is there.
    private let isReserved = Mutex(false)

    /// Opens or makes the file at `path`.
    /// - Throws: `StoreError`.
    public init(path: String) throws(StoreError) {
        (self.path, reserve) = (path, Reserve(path: path))
        do {
            // Records hold containers' environments. The files that SQLite puts beside it get the same permissions.
            let file = try OwnedDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
            try check("fchmod", path) { fchmod(file.raw, 0o600) }
            for suffix in ["-wal", "-shm", "-journal"] where Files.exists(path + suffix) {
                try check("chmod", path + suffix) { chmod(path + suffix, 0o600) }
            }
            var configuration = GRDB.Configuration()
            configuration.label = "swiftlet.store"
            configuration.journalMode = .wal
            // Another connection to the file, one that is just being closed for example, is waited for, not failed upon.
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { try Reserve.prepare($0) }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.write { database in
                try database.execute(
                    sql:
                        "CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL); INSERT INTO format SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM format)"
                )
            }
            let version = try database.read { try Int.fetchOne($0, sql: "SELECT version FROM format") }
            guard version == 1 else { throw StoreError.newerFormat(path: path, version: version ?? 0) }
            try database.writeWithoutTransaction {
                try reserve.limit($0)
                try fillReserve($0)
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: "\(error)")
        }
    }

    /// All records of a collection, in the order of their first writing.
    /// - Throws: `StoreError.corrupt` naming a record that no longer decodes.
    public func all<Record>(_ collection: Collection<Record>) async throws -> [Record] {
        let (records, unreadable) = try await readable(collection)
        if let first = unreadable.first { throw first }
        return records
    }

    /// The records of a collection that decode, in the order of their first writing, and an error for each of the others.
    public func readable<Record>(_ collection: Collection<Record>) async throws -> (records: [Record], unreadable: [StoreError]) {
        let name = collection.name
        return try await database.write { database in
            try Transaction(database: database).makeTable(name)
            let rows = try Row.fetchCursor(database, sql: "SELECT id, document FROM \(name) ORDER BY rowid")
            var records: [Record] = []
            var unreadable: [StoreError] = []
            while let row = try rows.next() {
                do {
                    // The type of a column is the row's own.
                    records.append(try JSONDecoder().decode(Record.self, from: Data.fromDatabaseValue(row["document"] as DatabaseValue) ?? Data()))
                } catch {
                    unreadable.append(.corrupt(collection: name, id: String.fromDatabaseValue(row["id"] as DatabaseValue) ?? "", reason: "\(error)"))
                }
            }
            return (records, unreadable)
        }
    }

    /// Runs `body` in one transaction: all of its changes are durable when this returns, or none is made.
    ///
    /// On a full disk the body is run more than once, each time as if it were the first.
    /// - Parameter committed: runs when the changes are durable, before another transaction begins: what memory holds and what others are told is
    ///   never ahead of the records. It does not run where nothing was changed.
    /// - Throws: what the body throws; `StoreError.full` where a record is new and the disk has no room, or the reserve is used up.
    public func write(
        _ body: @escaping @Sendable (Transaction) throws -> Void, committed: @escaping @Sendable () -> Void = {}
    ) async throws {
        try await database.writeWithoutTransaction { [self] database in
            var written = try attempt(database, mayAdd: true, body)
            for steps in 1...Reserve.mostSteps where !written {
                guard try reserve.grow(database, by: (steps - 1) * Reserve.step) else { break }
                written = try attempt(database, mayAdd: true, body)
                try reserve.limit(database)
            }
            while !written {
                isReserved.withLock { $0 = false }
                written = try attempt(database, mayAdd: false, body)
                if !written, try !reserve.giveUpPart(database) { throw StoreError.full(path: path) }
            }
            committed()
            try fillReserve(database)
        }
    }

    /// - Parameter mayAdd: whether there may be new records.
    /// - Returns: false where there was no room, and nothing was changed.
    private func attempt(_ database: Database, mayAdd: Bool, _ body: (Transaction) throws -> Void) throws -> Bool {
        do {
            try database.inTransaction(.immediate) {
                try body(Transaction(database: database, path: path, mayAdd: mayAdd))
                return .commit
            }
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            return false
        }
    }

    /// Takes back what of the reserve was given up, once the disk has room again.
    private func fillReserve(_ database: Database) throws {
        guard !isReserved.withLock({ $0 }) else { return }
        let isWhole: Bool
        do { isWhole = try reserve.fill(database) } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL { isWhole = false }
        isReserved.withLock { $0 = isWhole }
    }

    /// Closes the file, for another to open it. Nothing can be asked afterwards.
    public func close() throws { try database.close() }

    /// Puts one record.
    public func put<Record>(_ record: Record, in collection: Collection<Record>) async throws {
        try await write { try $0.put(record, in: collection) }
    }

    /// Removes one record; one that is not there is no error.
    public func remove<Record>(_ id: String, from collection: Collection<Record>) async throws {
        try await write { try $0.remove(id, from: collection) }
    }
}

/// The changes of one `Store.write`.
public struct Transaction {
    let database: Database
    var path = ""
    /// Whether the disk has room for records that are new.
    var mayAdd = true

    /// Writes a record in place of the one with its id.
    /// - Throws: `StoreError.full` for a new record on a full disk.
    public func put<Record>(_ record: Record, in collection: Collection<Record>) throws {
        try makeTable(collection.name)
        if !mayAdd {
            let known = try database.cachedStatement(sql: "SELECT 1 FROM \(collection.name) WHERE id = ?")
            guard try Row.fetchOne(known, arguments: [record.id]) != nil else { throw StoreError.full(path: path) }
        }
        let statement = try database.cachedStatement(
            sql: "INSERT INTO \(collection.name) (id, document) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document")
        try statement.execute(arguments: [record.id, try JSONEncoder().encode(record)])
    }

    /// Removes a record; one that is not there is no error.
    public func remove<Record>(_ id: String, from collection: Collection<Record>) throws {
        try makeTable(collection.name)
        try database.cachedStatement(sql: "DELETE FROM \(collection.name) WHERE id = ?").execute(arguments: [id])
    }

    func makeTable(_ name: String) throws {
        try database.execute(sql: "CREATE TABLE IF NOT EXISTS \(name) (id TEXT PRIMARY KEY NOT NULL, document BLOB NOT NULL)")
    }
}
