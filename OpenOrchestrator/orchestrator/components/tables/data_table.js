// A dense table that keeps selection, focus, open menus and scroll while its rows are refreshed. No row changes its
// place by a refresh while somebody is at the table: what was aimed at is what is hit.
// Everything shown goes through text interpolation: nothing is ever rendered as HTML.
const HELD_AFTER_ACTION = 3000;
// A pointer that was left on a list must not keep a screen on the wall from being right.
const HELD_WITHOUT_A_MOVE = 30000;

// The same rows in the same places, as they are now; those that are no longer listed can be seen but not acted on.
const GONE = "It is not in this list any more.";
const inPlace = (shown, now) => {
  const present = new Map(now.map((row) => [row.id, row]));
  const without = (actions) => actions && Object.fromEntries(Object.keys(actions).map((name) => [name, GONE]));
  return shown.map((row) => present.get(row.id) ?? { ...row, a: without(row.a), gone: true });
};

const Cell = {
  props: { c: Object, prefix: String },
  template: `
    <div v-if="c" class="oo-row" :data-tip="c.tip">
      <q-icon v-if="c.i" :name="c.i" :class="c.f ? 'oo-fg-' + c.f : 'oo-t3'" />
      <span v-if="c.p" :class="['oo-pill', 'oo-p-' + c.p.c, { 'oo-q': c.p.q }]"><q-icon :name="c.p.i" :class="{ 'oo-turn': c.p.a }" />{{ c.p.w }}</span>
      <span v-if="c.r" class="oo-strip" role="img" :aria-label="words(c.r)"><b v-for="(tone, n) in c.r" :key="n" :class="'oo-' + tone"></b></span>
      <span v-if="c.k" class="oo-stack oo-grow"><b v-for="(part, n) in c.k" :key="n" :class="'oo-m-' + part[0]" :style="{ flexGrow: part[1] }"></b></span>
      <div v-if="c.s !== undefined || c.n" class="oo-grow">
        <a v-if="c.h" :class="['oo-n1', 'oo-main-link', { 'oo-mono': c.m }]" style="display: block; width: fit-content; max-width: 100%" :href="prefix + c.h">{{ c.t }}</a>
        <div v-else :class="['oo-n1', tone(c), { 'oo-mono': c.m }]">{{ c.t }}</div>
        <div v-if="c.s !== undefined" :class="['oo-n2', { 'oo-n2-tags': c.g, 'oo-no-phone': c.n && !c.g }]"><span v-if="c.s" :class="{ 'oo-no-phone': c.n }">{{ c.s }}</span><span v-for="tag in c.g" :key="tag" class="oo-tag">{{ tag }}</span></div>
        <div v-if="c.n" class="oo-n2 oo-phone-line">{{ c.n }}</div>
      </div>
      <a v-else-if="c.h && c.t !== undefined" :class="['oo-el', 'oo-link', { 'oo-mono': c.m }]" :href="prefix + c.h">{{ c.t }}</a>
      <span v-else-if="c.t !== undefined" :class="['oo-el', tone(c), { 'oo-mono': c.m, 'oo-b': c.b, 'oo-sm': c.p }]">{{ c.t }}</span>
      <button v-if="c.x" type="button" class="oo-cell-act" @click.stop="$emit('act', c.x[0])">{{ c.x[1] }}</button>
    </div>`,
  emits: ["act"],
  methods: {
    tone(c) {
      return !c.f ? "" : c.f === "t2" || c.f === "t3" ? "oo-" + c.f : "oo-fg-" + c.f + " oo-b";
    },
    words(runs) {
      const counts = {};
      runs.forEach((r) => (counts[r] = (counts[r] || 0) + 1));
      return "Last runs: " + Object.entries(counts).map(([r, n]) => n + " " + (r === "none" ? "without run" : r)).join(", ");
    },
  },
};

export default {
  components: { Cell },
  template: `
    <div class="oo-table" :class="{ 'oo-has-sel': chosen.size }" @pointerenter="inside = $event.pointerType === 'mouse'" @pointerleave="inside = false"
         @pointermove="attend" @keydown.capture="attend" @focusin="focused = true; attend();" @focusout="focused = $el.contains($event.relatedTarget)">
      <div v-if="sortable.some((c) => !c.p)" class="oo-sort-by oo-only-phone">
        <label>Sort by <select :value="sort" @change="$emit('sort', $event.target.value)"><option v-for="c in sortable" :key="c.n" :value="c.n">{{ c.l }}</option></select></label>
        <button v-if="sortable.some((c) => c.n === sort)" type="button" class="oo-ib" :aria-label="desc ? 'Descending, turn it round' : 'Ascending, turn it round'" @click="$emit('sort', sort)"><q-icon :name="desc ? 'sym_r_arrow_downward' : 'sym_r_arrow_upward'" /></button>
      </div>
      <table class="oo-t" :aria-label="label">
        <colgroup>
          <col v-if="selectable" style="width:29px" />
          <col v-for="c in columns" :key="c.n" :class="{ 'oo-no-phone': !c.p }" :style="{ '--w': c.w || 'auto', '--pw': c.pw || 'auto' }" />
          <col v-if="actions.length" class="oo-acts-col" />
        </colgroup>
        <thead><tr>
          <th v-if="selectable" class="oo-check"><input type="checkbox" aria-label="Select all rows of this page" :checked="all" :indeterminate.prop="some && !all" @change="toggleAll" /></th>
          <th v-for="c in columns" :key="c.n" scope="col" :class="{ 'oo-right': c.r, 'oo-no-phone': !c.p }" :aria-sort="sort === c.n ? (desc ? 'descending' : 'ascending') : null">
            <button v-if="c.s" type="button" @click="$emit('sort', c.n)">{{ c.l }}<q-icon v-if="sort === c.n" :name="desc ? 'sym_r_arrow_downward' : 'sym_r_arrow_upward'" /></button>
            <template v-else-if="c.l">{{ c.l }}</template><span v-else class="oo-hidden-text">{{ c.x }}</span>
          </th>
          <td v-if="actions.length" class="oo-acts-cell"></td>
        </tr></thead>
        <tbody>
          <tr v-for="(row, n) in shown" :key="row.id" :data-row="row.id" :class="{ 'oo-sel': chosen.has(row.id), 'oo-open': opened === row.id, 'oo-current': current === row.id, 'oo-changed': changed.has(row.id), 'oo-gone': row.gone, 'oo-click': clickable }"
              :tabindex="row.id === active || (!hasActive && n === 0) ? 0 : -1" :aria-selected="selectable ? chosen.has(row.id) : null"
              :aria-current="current === row.id ? 'true' : null" @focus="active = row.id" @click="clicked($event, row)" @keydown="key($event, row, n)">
            <td v-if="selectable" class="oo-check"><input type="checkbox" tabindex="-1" :aria-label="'Select ' + row.name" :checked="chosen.has(row.id)" @click="toggle(row.id, $event.shiftKey)" /></td>
            <td v-for="c in columns" :key="c.n" :class="{ 'oo-right': c.r, 'oo-no-phone': !c.p, 'oo-two-lines': c.t }"><Cell :c="row.c[c.n]" :prefix="prefix" @act="(name) => { hold(); $emit('action', { action: name, id: row.id }); }" /></td>
            <td v-if="actions.length" class="oo-acts-cell"><span v-if="row.a" class="oo-acts">
              <button v-for="a in inline(row)" :key="a.n" type="button" class="oo-ib oo-no-phone" tabindex="-1" :aria-label="a.l + ' ' + row.name" :data-tip="row.a[a.n] || a.l" :disabled="!!row.a[a.n]" @click.stop="$event.detail > 1 || act(a, row)"><q-icon :name="a.i" /></button>
              <button v-if="more(row).length" type="button" class="oo-ib" tabindex="-1" :aria-label="'More for ' + row.name" @click.stop><q-icon name="sym_r_more_horiz" />
                <q-menu auto-close anchor="bottom right" self="top right" @show="opened = row.id" @hide="opened = null"><q-list role="menu">
                  <q-item v-for="a in more(row)" :key="a.n" role="menuitem" clickable :class="{ 'oo-red': a.d }" :disable="!!row.a[a.n]" :data-tip="row.a[a.n] || null" @click="act(a, row)"><q-icon :name="a.i" />{{ a.l }}<span v-if="a.k" class="oo-kbd">{{ a.k }}</span></q-item>
                </q-list></q-menu></button>
            </span></td>
          </tr>
        </tbody>
      </table>
      <div v-if="held && waits" class="oo-held oo-sm"><span class="oo-t2">Rows keep their places while you are here.</span><button type="button" class="oo-cell-act" @click="settle">Show the present list</button></div>
    </div>`,
  props: {
    columns: Array, rows: Array, of: String, sort: String, desc: Boolean, selectable: Boolean, clickable: Boolean, opens: Boolean, current: String,
    actions: Array, label: String, prefix: { type: String, default: "" },
  },
  data() {
    return {
      chosen: new Set(), active: null, opened: null, changed: new Set(), last: null,
      shown: this.rows, asked: this.asks(), inside: false, focused: false, acted: false, attended: false,
    };
  },
  computed: {
    // A phone shows few columns, and may be sorted by any.
    sortable() { return this.columns.filter((c) => c.s); },
    all() { return this.present.length > 0 && this.present.every((r) => this.chosen.has(r.id)); },
    some() { return this.shown.some((r) => this.chosen.has(r.id)); },
    hasActive() { return this.shown.some((r) => r.id === this.active); },
    present() { return this.shown.filter((r) => !r.gone); },
    held() { return ((this.inside || this.focused) && this.attended) || this.acted || this.opened !== null; },
    waits() { return this.shown.length !== this.rows.length || this.shown.some((r, n) => r.id !== this.rows[n].id); },
  },
  watch: {
    held(now) { if (!now) this.settle(); },
    rows(now, before) {
      // Another page, order or filter was asked for: that is no refresh, and nobody waits for it to stay as it was.
      const same = this.asks() === this.asked;
      this.asked = this.asks();
      this.shown = same && this.held && now.length ? inPlace(this.shown, now) : now;
      const seen = new Map(before.map((r) => [r.id, r.v]));
      const changed = now.filter((r) => seen.has(r.id) && seen.get(r.id) !== r.v).map((r) => r.id);
      if (!changed.length) return;
      this.changed = new Set(changed);
      clearTimeout(this.fading);
      this.fading = setTimeout(() => (this.changed = new Set()), 1000);
    },
  },
  unmounted() { clearTimeout(this.fading); clearTimeout(this.holding); clearTimeout(this.leaving); },
  methods: {
    asks() { return [this.of, this.sort, this.desc].join(" "); },
    settle() { this.shown = this.rows; },
    attend() {
      this.attended = true;
      clearTimeout(this.leaving);
      this.leaving = setTimeout(() => (this.attended = false), HELD_WITHOUT_A_MOVE);
    },
    hold() {
      this.acted = true;
      clearTimeout(this.holding);
      this.holding = setTimeout(() => (this.acted = false), HELD_AFTER_ACTION);
    },
    inline(row) { return this.actions.filter((a) => a.q && a.n in row.a); },
    more(row) { return this.actions.filter((a) => a.n in row.a); },
    act(action, row) {
      if (!row.a || row.a[action.n]) return;
      this.hold();
      this.$emit("action", { action: action.n, id: row.id });
    },
    told() { this.$emit("select", [...this.chosen]); },
    choose(ids) { this.chosen = new Set(ids); },
    clear(quietly) { this.chosen = new Set(); if (!quietly) this.told(); },
    toggle(id, range) {
      const chosen = new Set(this.chosen), ids = this.shown.map((r) => r.id);
      if (range && this.last !== null && ids.includes(this.last)) {
        const [a, b] = [ids.indexOf(this.last), ids.indexOf(id)].sort((x, y) => x - y);
        ids.slice(a, b + 1).forEach((i) => chosen.add(i));
      } else if (!chosen.delete(id)) chosen.add(id);
      this.last = id;
      this.chosen = chosen;
      this.told();
    },
    toggleAll() {
      const chosen = new Set(this.chosen), every = this.all;
      this.present.forEach((r) => (every ? chosen.delete(r.id) : chosen.add(r.id)));
      this.chosen = chosen;
      this.told();
    },
    open(row) {
      if (this.opens) this.$emit("open", row.id);
      else this.$el.querySelector('[data-row="' + row.id + '"] a.oo-main-link')?.click();
    },
    clicked(event, row) {
      if (!this.clickable || row.gone || event.target.closest("a,button,input,label,.q-menu") || String(getSelection())) return;
      this.open(row);
    },
    key(event, row, n) {
      if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (step) this.focus(n + step);
      else if (event.key === "Enter" && this.clickable) this.open(row);
      else if ((event.key === "x" || event.key === " ") && this.selectable) this.toggle(row.id, event.shiftKey);
      else if (event.key === "Escape" && this.chosen.size) this.clear();
      else {
        const action = this.actions.find((a) => a.k === event.key && row.a && a.n in row.a);
        if (!action) return;
        if (!event.repeat) this.act(action, row);
      }
      event.preventDefault();
      event.stopPropagation();
    },
    focus(n) {
      const rows = this.$el.querySelectorAll("tbody tr");
      rows[Math.max(0, Math.min(n, rows.length - 1))]?.focus();
    },
  },
};
