// Package sim runs whole clusters: real meta and replica servers, put together in one process and
// shaken. It serves tests only.
package sim
