// Package report holds what all measurements that end up in a document share: the machine and build they were taken on, and
// the replacing of a marked section of a page. It never measures.
package report
