package transfer

// Migrated is what Restore does to the records of an older backup.
var Migrated = migrated
