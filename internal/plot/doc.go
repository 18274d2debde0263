// Package plot draws lines as SVG: panels one below the other that share their lines' names and colours. Axes are linear or
// logarithmic. It never decides what a figure means, and it draws no text from the caller unescaped.
package plot
