/** What all specs share: size, white ground (dark themes included), type sizes, quiet axes. */
import type { VegaLiteSpec } from "./picture.js";

/** Width of a picture in pixels at 1x, axes and legends included, unless its content needs more. */
export const pictureWidth = 640;

export const ink = "#222222";
export const quietInk = "#666666";
export const gridColour = "#e6e6e6";

export interface Heading {
  title: string | { expr: string };
  subtitle?: string;
}

export function vegaLiteSpec(heading: Heading, body: Record<string, unknown>): VegaLiteSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    background: "white",
    padding: 8,
    title: {
      text: heading.title,
      ...(heading.subtitle ? { subtitle: heading.subtitle } : {}),
      anchor: "start",
      // Aligned with the axis, not with the plot, so that long titles have the whole width.
      frame: "bounds",
      fontSize: 13,
      fontWeight: "bold",
      subtitleFontSize: 11,
      subtitleColor: quietInk,
      color: ink,
      offset: 8,
    },
    ...body,
    config: {
      view: { stroke: null },
      axis: {
        labelFontSize: 10,
        titleFontSize: 11,
        titleFontWeight: "normal",
        labelColor: ink,
        titleColor: quietInk,
        gridColor: gridColour,
        domainColor: "#999999",
        tickColor: "#999999",
      },
      legend: {
        labelFontSize: 10,
        titleFontSize: 11,
        titleFontWeight: "normal",
        labelColor: ink,
        titleColor: quietInk,
      },
    },
  };
}

/** Indices 0, n, 2n, … below `count`, n a power of two, such that labels `pitch` pixels apart have `room` pixels each. */
export function labelledIndices(count: number, pitch: number, room: number): number[] {
  let step = 1;
  while (step * pitch < room) step *= 2;
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}
