// Package soak watches processes over time and decides whether they leak. It samples /proc and the profile pages of a
// server, fits a line through the later half of each series by the median of slopes (Theil and Sen: a third of the
// points may be anything), and compares what the line gains over that half with a bound. It draws what it saw.
package soak
