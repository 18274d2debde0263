//go:build race

package baseline

// raceBuild: the race detector allocates on its own.
const raceBuild = true
