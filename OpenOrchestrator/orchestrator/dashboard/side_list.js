// Short lists beside the main one: a name, a measure (bar or line), and figures at the right. Text only.
export default {
  template: `
    <div class="oo-sides" role="list">
      <div v-for="row in rows" :key="row.id" class="oo-side" role="listitem">
        <div class="oo-grow"><a class="oo-side-n oo-el" :href="prefix + row.href">{{ row.name }}</a>
          <div class="oo-sm oo-t3 oo-el" :data-tip="row.subTip">{{ row.sub }}<span v-if="row.subStrong" :class="row.subTone ? 'oo-b oo-fg-' + row.subTone : 'oo-t2'">{{ row.subStrong }}</span></div></div>
        <svg v-if="row.line" class="oo-spark" width="78" height="24" viewBox="0 0 78 24" role="img" :aria-label="row.lineLabel"><path :d="area(row.line)" :style="{ fill: mark(row) }" opacity=".13" /><path :d="path(row.line)" fill="none" :style="{ stroke: mark(row) }" stroke-width="1.5" stroke-linejoin="round" /><circle cx="78" :cy="points(row.line).at(-1)[1]" r="2.2" :style="{ fill: mark(row) }" /></svg>
        <div v-if="row.line" class="oo-side-r"><div class="oo-b">{{ row.value }}</div><div class="oo-sm oo-t3 oo-nw">{{ row.note }}</div></div>
        <div v-else class="oo-side-bar"><div class="oo-row oo-sm"><span class="oo-b oo-nw" :data-tip="row.valueTip">{{ row.value }}</span><span class="oo-sp"></span><span :class="['oo-nw', row.noteTone ? 'oo-b oo-fg-' + row.noteTone : 'oo-t3']" :data-tip="row.noteTip">{{ row.note }}</span></div>
          <div v-if="row.share !== null" class="oo-prog"><b :class="'oo-m-' + row.tone" :style="{ width: row.share + '%' }"></b></div></div>
      </div>
    </div>`,
  props: { rows: Array, prefix: { type: String, default: "" } },
  methods: {
    mark(row) { return "var(--" + row.tone + "-mark)"; },
    points(line) {
      const known = line.filter((v) => v !== null), top = Math.max(...known, 1), low = Math.min(...known, top);
      const flat = top === low;
      return line.map((v, n) => [(n * 78) / (line.length - 1), v === null ? null : flat ? 12 : 2.5 + (1 - (v - low) / (top - low)) * 18.5]).filter((p) => p[1] !== null);
    },
    path(line) { return this.points(line).map((p, n) => (n ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join(" "); },
    area(line) {
      const points = this.points(line);
      return this.path(line) + " L78 24 L" + points[0][0].toFixed(1) + " 24Z";
    },
  },
};
