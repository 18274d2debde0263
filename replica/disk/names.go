package disk

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// AppType is the type of every table, and so the end of a replica directory's name.
const AppType = "pegasus"

// Suffixes of directories that are not live replicas (replica.md section 9.6).
const (
	SuffixError         = ".err"
	SuffixGarbage       = ".gar"
	SuffixMigrateTmp    = ".disk.migrate.tmp"
	SuffixMigrateOrigin = ".disk.migrate.ori"
	SuffixBackup        = ".bak"
)

var suffixes = []string{SuffixError, SuffixGarbage, SuffixMigrateTmp, SuffixMigrateOrigin, SuffixBackup}

// DirName is the name of a live replica's directory.
func DirName(gpid base.Gpid, appType string) string { return gpid.String() + "." + appType }

// splitSuffix separates the suffix of a directory that was set aside.
func splitSuffix(name string) (stem, suffix string) {
	for _, s := range suffixes {
		if stem, ok := strings.CutSuffix(name, s); ok {
			return stem, s
		}
	}
	return name, ""
}

// parseDirName reads "<app>.<partition>.<type>".
func parseDirName(name string) (gpid base.Gpid, appType string, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 3 || parts[2] == "" {
		return gpid, "", false
	}
	gpid, err := base.ParseGpid(parts[0] + "." + parts[1])
	// Only the name that this gpid would get: "01.2.pegasus" would be a second directory of 1.2.
	if err != nil || gpid.AppID <= 0 || gpid.PartitionIndex < 0 || DirName(gpid, parts[2]) != name {
		return gpid, "", false
	}
	return gpid, parts[2], true
}

// timeInNameMinUs is the least number in a name that is a time in microseconds: 2010-01-01.
const timeInNameMinUs = 1262304000000000

// timeInName finds when a directory was set aside, in its name without suffix.
func timeInName(stem string) (time.Time, bool) {
	i := strings.LastIndexByte(stem, '.')
	us, err := strconv.ParseInt(stem[i+1:], 10, 64)
	if err != nil || us < timeInNameMinUs {
		return time.Time{}, false
	}
	return time.UnixMicro(us), true
}

// Classify reads the name of a directory in reps: whose replica it is, and the suffix when it is not a live one. It says
// no to names that are not a replica's.
func Classify(name string) (gpid base.Gpid, suffix string, ok bool) {
	stem, suffix := splitSuffix(name)
	if gpid, _, ok = parseDirName(stem); !ok && suffix != "" { // with the time when it was set aside
		if i := strings.LastIndexByte(stem, '.'); i > 0 {
			gpid, _, ok = parseDirName(stem[:i])
		}
	}
	return gpid, suffix, ok
}

// LockFile and HolderFile are where a server that uses the data directory path locks it and says who it is.
func LockFile(path string) string   { return filepath.Join(path, "replica", lockFileName) }
func HolderFile(path string) string { return filepath.Join(path, "replica", holderFileName) }
