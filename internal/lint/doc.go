// Package lint holds the rules of the house as tests: `make lint` or `go test ./internal/lint`.
//
// What is checked, one test each:
//   - floors: a package imports only packages of its own line in the table of floors_test.go, and the pure
//     decision cores (replica/pacifica, meta/cluster) use no clock, goroutine, lock, file, socket or store;
//   - every package has a doc.go with a package comment;
//   - gofmt and go vet are silent;
//   - files and functions stay short (limits and argued exceptions in size_test.go);
//   - no unfinished work is marked in comments, no path of somebody's machine is written down;
//   - links in README.md and docs/ point at files and headings that exist.
//
// The rules themselves are tested on small bad examples (rules_test.go), so that a rule that stopped
// biting is noticed. Generated code (gen-go except gen-go/base) is exempt from size and doc rules.
package lint
