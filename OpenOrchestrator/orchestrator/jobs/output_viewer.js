// What a robot printed, live. Lines are kept as plain data and only those in sight are drawn, so that megabytes of
// output cost little. Everything shown goes through text interpolation: nothing is ever rendered as HTML.
const ROW = 19; // px, as in jobs.css
const LONGEST = 2000; // characters of one drawn line; the rest goes on in the next
const MOST_CHARACTERS = 6000000, MOST_LINES = 150000; // what is kept; the oldest goes first
const MOST_MATCHES = 5000;
const CONTROL = /\x1b\[[0-9;?]*[ -\/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const CUT = /^\[[\d,.\s]+ bytes of output are missing here: .*\]$/;
const TRACEBACK = "Traceback (most recent call last):";
const NARROW = /^[\x20-\x7e\u00a0-\u024f]*$/;
const remembered = (name) => { try { return localStorage.getItem("oo-output-" + name); } catch { return null; } };
const remember = (name, on) => { try { localStorage.setItem("oo-output-" + name, on ? "1" : "0"); } catch { /* private window */ } };
const bytesOf = (text) => new TextEncoder().encode(text).length;

// What a terminal would show of a line: without colours, and of a progress bar the last state.
const cleaned = (raw) => {
  let text = raw.includes("\r") ? raw.replace(/\r+$/, "") : raw;
  text = text.slice(text.lastIndexOf("\r") + 1);
  CONTROL.lastIndex = 0;
  return CONTROL.test(text) ? text.replace(CONTROL, "") : text;
};

const columnsOf = (text) => {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    const code = character.codePointAt(0);
    if (code === 9) columns += 8 - (columns % 8);
    else columns += code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300) ? 2 : 1;
  }
  return columns;
};

// Splits pieces into lines. Each stream has a line of its own under way, because both may be in the middle of one.
class Splitter {
  constructor() { this.open = [null, null]; }
  feed(pieces, lines) {
    let touched = lines.length;
    for (const [stream, at, text] of pieces) {
      let start = 0;
      while (start < text.length) {
        let end = text.indexOf("\n", start);
        const whole = end >= 0;
        if (!whole) end = text.length;
        let line = this.open[stream];
        if (!line) {
          line = { s: stream, at, raw: "", t: "", c: false, k: false, h: 0 };
          this.open[stream] = line;
          lines.push(line);
        } else if (touched > 0) touched = Math.min(touched, Math.max(0, lines.lastIndexOf(line)));
        line.raw += text.slice(start, end);
        this.finish(line, lines, whole);
        start = end + 1;
      }
    }
    return touched;
  }
  finish(line, lines, whole) {
    let raw = line.raw;
    if (!whole && raw.length > LONGEST && raw.includes("\r")) raw = line.raw = raw.slice(raw.lastIndexOf("\r", raw.length - 2) + 1);
    line.t = cleaned(raw);
    line.h = 0;
    if (!whole && raw.length <= LONGEST) return;
    let rest = line.t, last = line;
    while (rest.length > LONGEST) {
      const cut = rest.charCodeAt(LONGEST - 1) >= 0xd800 && rest.charCodeAt(LONGEST - 1) <= 0xdbff ? LONGEST - 1 : LONGEST;
      last.t = rest.slice(0, cut);
      last.raw = null;
      rest = rest.slice(cut);
      const next = { s: line.s, at: line.at, raw: rest, t: rest, c: true, k: false, h: 0 };
      lines.splice(lines.lastIndexOf(last) + 1, 0, next);
      last = next;
    }
    last.k = whole && last.s === 1 && CUT.test(last.t);
    if (whole) { last.raw = null; this.open[line.s] = null; } else this.open[line.s] = last;
  }
}

export default {
  template: `
    <section class="oo-out" :class="{ 'oo-out-big': big }" :style="{ height: tall ? tall + 'px' : null }" aria-label="Output" @keydown="key">
      <div class="oo-out-bar">
        <label class="oo-out-find"><q-icon name="sym_r_search" />
          <input ref="find" type="text" placeholder="Search output" aria-label="Search output" spellcheck="false" autocomplete="off" :value="query" @input="typed($event.target.value)" @keydown.enter.prevent="step($event.shiftKey ? -1 : 1)" />
          <span v-if="query" class="oo-out-n" role="status">{{ matchText }}</span><span v-else class="oo-kbd">Ctrl F</span>
          <template v-if="query"><button type="button" class="oo-ib oo-out-s" aria-label="Previous match" :disabled="!matches.length" @click="step(-1)"><q-icon name="sym_r_keyboard_arrow_up" /></button><button type="button" class="oo-ib oo-out-s" aria-label="Next match" :disabled="!matches.length" @click="step(1)"><q-icon name="sym_r_keyboard_arrow_down" /></button></template>
        </label>
        <button v-if="hasError" type="button" class="oo-out-err" data-tip="Show the last traceback or error output" @click="toError(true)"><q-icon name="r_error" />Last error</button>
        <span class="oo-sp"></span>
        <button type="button" class="oo-out-follow" role="switch" :aria-checked="following" @click="setFollowing(!following)"><i></i><span>Follow</span></button>
        <span class="oo-vsep oo-no-phone"></span>
        <button type="button" class="oo-ib" :class="{ 'oo-on': wrap }" :aria-pressed="wrap" aria-label="Wrap long lines" data-tip="Wrap long lines" @click="toggleWrap"><q-icon name="sym_r_wrap_text" /></button>
        <button type="button" class="oo-ib oo-no-phone" :class="{ 'oo-on': clock }" :aria-pressed="clock" aria-label="Show times" data-tip="Show times" @click="toggleClock"><q-icon name="sym_r_schedule" /></button>
        <button type="button" class="oo-ib" :aria-label="copied || 'Copy'" :data-tip="copied || 'Copy the selection, or everything'" @click="copy"><q-icon :name="copied === 'Copied' ? 'sym_r_check' : copied ? 'r_error' : 'sym_r_content_copy'" /></button>
        <button type="button" class="oo-ib" aria-label="Download" data-tip="Download as a file" @click="$emit('download')"><q-icon name="sym_r_download" /></button>
        <button type="button" class="oo-ib oo-no-phone" :aria-pressed="big" :aria-label="big ? 'Smaller' : 'Fill the window'" :data-tip="big ? 'Smaller' : 'Fill the window'" @click="toggleBig"><q-icon :name="big ? 'sym_r_close_fullscreen' : 'sym_r_open_in_full'" /></button>
      </div>
      <div ref="box" class="oo-out-box" :class="{ 'oo-out-wrap': wrap, 'oo-out-clock': clock }" tabindex="0" role="region" aria-label="Lines of output" @scroll.passive="scrolled">
        <div v-if="ready && !count" class="oo-out-none">{{ live ? 'Nothing printed yet.' : 'Nothing was printed.' }}</div>
        <div class="oo-out-all" :style="{ height: (rows * 19 + 16) + 'px', minWidth: wrap ? null : widest + 'ch' }">
          <div ref="lines" class="oo-out-lines" :style="{ transform: 'translateY(' + top + 'px)' }"><div v-for="line in frame" :key="line.key" class="oo-out-ln" :class="{ 'oo-out-ln-e': line.e, 'oo-out-ln-k': line.k }" :data-i="line.i"><span class="oo-out-ln-n" :data-n="line.n" :data-mark="line.e ? '!' : ''"></span><span class="oo-out-ln-t" :data-t="line.time"></span><span class="oo-out-ln-x"><template v-for="(part, n) in line.parts" :key="n"><mark v-if="part.m" :class="{ 'oo-cur': part.m === 2 }">{{ part.x }}</mark><template v-else>{{ part.x }}</template></template></span></div></div>
        </div>
      </div>
      <button v-if="missed && !following" type="button" class="oo-out-new" @click="setFollowing(true)"><q-icon name="sym_r_arrow_downward" />{{ missed === 1 ? '1 new line' : spaced(missed) + ' new lines' }}</button>
      <div class="oo-out-foot">
        <span v-if="live" class="oo-dot oo-out-live"></span>
        <span class="oo-el">{{ state }}</span>
        <span class="oo-sp"></span>
        <button v-if="before.bytes && !dropped" type="button" class="oo-out-more" @click="wantEarlier">{{ loading ? 'Loading…' : 'Load the ' + size(before.bytes) + ' before' }}</button>
        <span class="oo-nw">{{ amount }}</span>
      </div>
    </section>`,
  props: { zone: String, live: Boolean, follow: Boolean },
  data() {
    return {
      frame: [], top: 0, rows: 0, count: 0, widest: 0, ready: false,
      following: this.follow, missed: 0, big: false, copied: "", loading: false, dropped: false,
      wrap: remembered("wrap") !== "0", clock: remembered("clock") !== "0",
      query: "", matches: [], current: -1, hasError: false,
      before: { lines: 0, bytes: 0 }, bytes: 0, last: 0, now: Date.now(), tall: 0,
    };
  },
  computed: {
    matchText() {
      if (!this.matches.length) return this.before.bytes && !this.dropped ? "searching" : "none";
      const many = this.matches.length >= MOST_MATCHES ? "+" : "";
      return (this.current < 0 ? "" : this.spaced(this.current + 1) + " of ") + this.spaced(this.matches.length) + many;
    },
    amount() {
      const lines = this.before.lines + this.count;
      return this.spaced(lines) + (lines === 1 ? " line, " : " lines, ") + this.size(this.before.bytes + this.bytes);
    },
    state() {
      if (this.dropped) return "Only the end is shown here. The download has everything.";
      if (!this.live) return "";
      if (!this.last) return "Live";
      const s = Math.max(0, Math.round((this.now - this.last) / 1000));
      return "Live, last line " + (s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min" : Math.floor(s / 3600) + " h") + " ago";
    },
  },
  created() {
    // Plain fields on purpose: Vue must not watch a hundred thousand lines.
    this.all = [];
    this.offsets = new Float64Array(1024);
    this.splitter = new Splitter();
    this.serial = 0;
    let zone = this.zone;
    try { new Intl.DateTimeFormat("en-GB", { timeZone: zone }); } catch { zone = "UTC"; }
    this.format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
  },
  mounted() {
    this.resized = new ResizeObserver(() => { this.fit(); this.measure(); });
    this.resized.observe(this.$refs.box);
    this.resized.observe(document.body);
    this.ticking = setInterval(() => (this.now = Date.now()), 1000);
    this.find = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "f" || event.shiftKey || event.altKey) return;
      const input = this.$refs.find;
      // The browser's own search sees only the lines in sight; pressed twice, it is what is wanted.
      if (!this.$el.offsetParent && !this.big || document.activeElement === input || document.querySelector(".q-dialog")) return;
      event.preventDefault();
      input.focus();
      input.select();
    };
    document.addEventListener("keydown", this.find);
    this.measure();
    this.$emit("ready");
  },
  unmounted() {
    this.resized.disconnect();
    clearInterval(this.ticking);
    clearTimeout(this.searching);
    cancelAnimationFrame(this.drawing);
    document.removeEventListener("keydown", this.find);
    document.documentElement.classList.remove("oo-out-noscroll");
  },
  methods: {
    spaced(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f"); },
    size(bytes) { return bytes < 1000 ? bytes + " B" : bytes < 1e6 ? (bytes / 1000).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB"; },

    // from the server
    reset(lines, bytes) {
      this.all = [];
      this.splitter = new Splitter();
      this.before = { lines, bytes };
      this.bytes = this.count = this.rows = this.missed = this.last = this.widest = 0;
      this.matches = [];
      this.current = -1;
      this.hasError = this.dropped = this.loading = false;
    },
    append(pieces) {
      const had = this.all.length;
      const touched = this.splitter.feed(pieces, this.all);
      this.account(pieces);
      if (pieces.length) this.last = Math.max(this.last, pieces[pieces.length - 1][1]);
      if (!this.following && this.ready) this.missed += Math.max(0, this.all.length - had);
      this.layout(touched);
      this.trim();
      this.changed();
      if (this.following) this.toEnd();
    },
    shown() {
      this.ready = true;
      if (this.following) this.toEnd();
      else if (this.hasError) this.toError(false);
      else this.toEnd();
    },
    prepend(pieces, lines, bytes) {
      this.loading = false;
      const earlier = [], splitter = new Splitter(), box = this.$refs.box, before = this.rows;
      splitter.feed(pieces, earlier);
      for (const stream of [0, 1]) {
        // What was a line of its own goes on where the earlier part broke off.
        const open = splitter.open[stream];
        const index = open ? this.all.findIndex((line) => line.s === stream) : -1;
        if (index < 0) { if (open && !this.splitter.open[stream]) this.splitter.open[stream] = open; continue; }
        const next = this.all[index], raw = open.raw + (next.raw === null ? next.t : next.raw);
        this.all.splice(index, 1);
        open.raw = raw;
        open.t = cleaned(raw);
        open.k = open.s === 1 && CUT.test(open.t);
        if (this.splitter.open[stream] === next) this.splitter.open[stream] = open; else open.raw = null;
      }
      this.all = earlier.concat(this.all);
      this.before = { lines, bytes };
      this.account(pieces);
      this.layout(0);
      this.trim();
      if (!this.following) { this.$nextTick(() => this.scrollTo(box.scrollTop + (this.rows - before) * ROW)); }
      this.changed();
      if (this.following) this.toEnd();
      if (this.query || this.wanted) this.wantEarlier();
    },

    account(pieces) {
      for (const piece of pieces) {
        this.bytes += bytesOf(piece[2]);
        if (piece[0]) this.hasError = true;
      }
      this.count = this.all.reduce((sum, line) => sum + (line.c ? 0 : 1), 0);
    },
    trim() {
      let characters = this.all.reduce((sum, line) => sum + line.t.length, 0), drop = 0;
      while (this.all.length - drop > MOST_LINES || (characters > MOST_CHARACTERS && drop < this.all.length - 1)) characters -= this.all[drop++].t.length;
      if (!drop) return;
      const gone = this.offsets[drop], box = this.$refs.box, whole = this.all.slice(0, drop);
      this.before = { lines: this.before.lines + whole.reduce((sum, line) => sum + (line.c ? 0 : 1), 0), bytes: this.before.bytes };
      this.count -= whole.reduce((sum, line) => sum + (line.c ? 0 : 1), 0);
      this.all.splice(0, drop);
      this.dropped = true;
      this.layout(0);
      if (!this.following) this.scrollTo(Math.max(0, box.scrollTop - gone * ROW));
    },
    wantEarlier() {
      if (this.dropped || !this.before.bytes) this.wanted = false;
      if (this.loading || this.dropped || !this.before.bytes) return;
      this.loading = true;
      this.$emit("earlier");
    },

    // It reaches down to the edge of the window, whatever stands above it.
    fit() {
      if (this.big || !this.$el.offsetParent) return;
      const top = this.$el.getBoundingClientRect().top + scrollY, bar = innerWidth <= 700 ? 66 : 0;
      this.tall = Math.round(Math.max(innerWidth <= 700 ? 420 : 400, innerHeight - top - bar - 24));
    },

    // how many rows each line takes
    measure() {
      const box = this.$refs.box;
      if (!box || !box.clientWidth) return;
      if (!this.character) {
        const probe = Object.assign(document.createElement("span"), { className: "oo-out-ln-x", textContent: "0".repeat(100) });
        probe.style.cssText = "position:absolute;visibility:hidden;white-space:pre";
        box.append(probe);
        this.character = probe.getBoundingClientRect().width / 100 || 7.2;
        probe.remove();
      }
      const gutter = innerWidth <= 700 ? 44 : this.clock ? 150 : 52;
      const columns = Math.max(10, Math.floor((box.clientWidth - gutter - 14) / this.character));
      if (columns !== this.columns) {
        const anchor = this.anchor();
        this.columns = columns;
        for (const line of this.all) line.h = 0;
        this.layout(0);
        if (this.following) this.toEnd(); else this.restore(anchor);
      }
      this.draw();
    },
    heightOf(line) {
      if (!this.wrap) return 1;
      if (!line.h) line.h = Math.max(1, Math.ceil((line.w ??= columnsOf(line.t)) / (this.columns || 120)));
      return line.h;
    },
    layout(from) {
      const lines = this.all;
      if (this.offsets.length < lines.length + 1) {
        const larger = new Float64Array(Math.max(lines.length + 1, this.offsets.length * 2));
        larger.set(this.offsets);
        this.offsets = larger;
      }
      let top = from ? this.offsets[from] : 0, widest = from ? this.widest : 0;
      for (let i = from; i < lines.length; i++) {
        const line = lines[i];
        if (!line.h) line.w = undefined;
        this.offsets[i] = top;
        top += this.heightOf(line);
        if (!this.wrap) widest = Math.max(widest, line.t.length);
      }
      this.offsets[lines.length] = top;
      this.rows = top;
      this.widest = widest + 24;
    },
    lineAt(row) {
      let low = 0, high = this.all.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.offsets[middle + 1] <= row) low = middle + 1; else high = middle;
      }
      return low;
    },
    anchor() {
      const box = this.$refs.box, index = this.lineAt(box.scrollTop / ROW);
      return { line: this.all[index], delta: box.scrollTop - (this.offsets[index] || 0) * ROW };
    },
    restore({ line, delta }) {
      const index = line ? this.all.indexOf(line) : -1;
      if (index >= 0) this.$nextTick(() => this.scrollTo(this.offsets[index] * ROW + delta));
    },

    // drawing
    changed() {
      if (this.query) { clearTimeout(this.searching); this.searching = setTimeout(() => this.search(), 200); }
      this.later();
    },
    later() {
      if (this.drawing) return;
      this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.draw(); });
    },
    draw() {
      const box = this.$refs.box;
      if (!box) return;
      const first = Math.max(0, this.lineAt(box.scrollTop / ROW) - 12);
      const end = Math.min(this.all.length, this.lineAt((box.scrollTop + box.clientHeight) / ROW) + 13);
      const lines = [];
      let number = this.before.lines;
      if (this.numbered !== this.all || this.numberedFor !== this.all.length) this.number();
      const query = this.query.toLowerCase(), current = this.matches[this.current];
      for (let i = first; i < end; i++) {
        const line = this.all[i];
        line.key ??= ++this.serial;
        lines.push({
          key: line.key, i, e: line.s === 1 && !line.k, k: line.k,
          n: line.c ? "" : String(number + this.numbers[i]), time: line.c ? "" : this.format.format(line.at),
          parts: this.parts(line.t, query, current && current[0] === i ? current[1] : -1),
        });
      }
      this.top = (this.offsets[first] || 0) * ROW;
      this.frame = lines;
      if (this.wrap) this.$nextTick(() => this.correct(first));
      if (box.scrollTop < 300 && !this.following && this.ready && this.before.bytes && this.touched) this.wantEarlier();
    },
    number() {
      this.numbers = new Uint32Array(this.all.length);
      let number = 0;
      for (let i = 0; i < this.all.length; i++) this.numbers[i] = this.all[i].c ? number : ++number;
      this.numbered = this.all;
      this.numberedFor = this.all.length;
    },
    // Fonts differ: where a line took more or fewer rows than its characters say, what was drawn is right.
    correct(first) {
      const drawn = this.$refs.lines?.children;
      if (!drawn) return;
      let wrong = -1;
      for (const element of drawn) {
        const index = Number(element.dataset.i), line = this.all[index], rows = Math.max(1, Math.round(element.offsetHeight / ROW));
        if (line && element.offsetHeight && line.h !== rows) { line.h = rows; if (wrong < 0) wrong = index; }
      }
      if (wrong < 0) return;
      const anchor = this.anchor();
      this.layout(wrong);
      if (this.following) this.toEnd(); else if (wrong < this.lineAt(this.$refs.box.scrollTop / ROW)) this.restore(anchor);
    },
    parts(text, query, current) {
      if (!query) return [{ x: text, m: 0 }];
      const lower = text.toLowerCase();
      if (lower.length !== text.length) return [{ x: text, m: lower.includes(query) ? 1 : 0 }];
      const parts = [];
      let at = 0, found;
      while ((found = lower.indexOf(query, at)) >= 0) {
        if (found > at) parts.push({ x: text.slice(at, found), m: 0 });
        parts.push({ x: text.slice(found, found + query.length), m: found === current ? 2 : 1 });
        at = found + query.length;
      }
      if (at < text.length || !parts.length) parts.push({ x: text.slice(at), m: 0 });
      return parts;
    },

    // moving
    scrollTo(top) {
      const box = this.$refs.box;
      box.scrollTop = top;
      this.lastTop = box.scrollTop;
      this.later();
    },
    toEnd() { this.$nextTick(() => this.$refs.box && this.scrollTo(this.$refs.box.scrollHeight)); },
    scrolled() {
      const box = this.$refs.box, up = box.scrollTop < (this.lastTop ?? 0) - 1;
      const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
      if (Math.abs(box.scrollTop - (this.lastTop ?? 0)) > 1) this.touched = true;
      if (up && !atEnd) this.following = false;
      else if (atEnd && this.live && this.touched) this.following = true;
      if (this.following || atEnd) this.missed = 0;
      this.lastTop = box.scrollTop;
      this.later();
    },
    setFollowing(on) {
      this.following = on;
      if (on) { this.missed = 0; this.toEnd(); }
    },
    goTo(index) {
      const box = this.$refs.box, above = this.following;
      this.following = false;
      if (above) this.missed = 0;
      this.$nextTick(() => this.scrollTo(Math.max(0, this.offsets[index] * ROW - box.clientHeight / 3)));
    },
    toError(focus) {
      const lines = this.all;
      let last = lines.length - 1;
      while (last >= 0 && (lines[last].s !== 1 || lines[last].k)) last--;
      if (last < 0) return;
      let first = last, found = -1;
      for (let i = last; i >= 0 && lines[i].s === 1; i--) { first = i; if (lines[i].t.trim() === TRACEBACK) { found = i; break; } }
      this.goTo(found >= 0 ? found : first);
      if (focus) this.$refs.box.focus({ preventScroll: true });
    },

    // search
    typed(text) {
      this.query = text;
      this.seeking = Boolean(text); // what is searched may still be on its way: its first match is gone to when it comes
      this.current = -1;
      clearTimeout(this.searching);
      this.searching = setTimeout(() => this.search(), 150);
      if (text) this.wantEarlier();
    },
    search() {
      const query = this.query.toLowerCase(), found = [], line = this.current < 0 ? null : this.at?.line, place = this.at?.place;
      if (query) {
        outer: for (let i = 0; i < this.all.length; i++) {
          const text = this.all[i].t.toLowerCase();
          let at = -query.length;
          while ((at = text.indexOf(query, at + query.length)) >= 0) {
            found.push([i, at]);
            if (found.length >= MOST_MATCHES) break outer;
          }
        }
      }
      this.matches = found;
      this.current = !line ? -1 : found.findIndex((each) => this.all[each[0]] === line && each[1] === place);
      const go = this.seeking && found.length > 0;
      if (go) this.seeking = false;
      if (go) {
        const top = this.lineAt(this.$refs.box.scrollTop / ROW), next = found.findIndex((each) => each[0] >= top);
        this.show(next < 0 ? 0 : next);
      }
      this.later();
    },
    step(by) {
      if (!this.matches.length) return;
      this.show(this.current < 0 && by < 0 ? this.matches.length - 1 : (this.current + by + this.matches.length) % this.matches.length);
    },
    show(number) {
      const [index, place] = this.matches[number];
      this.current = number;
      this.at = { line: this.all[index], place };
      this.goTo(index);
    },
    key(event) {
      if (event.key !== "Escape") return;
      if (event.target === this.$refs.find && this.query) this.typed("");
      else if (this.big) this.toggleBig();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },

    // the buttons
    toggleWrap() { const anchor = this.anchor(); this.wrap = !this.wrap; remember("wrap", this.wrap); this.relayout(anchor); },
    toggleClock() { const anchor = this.anchor(); this.clock = !this.clock; remember("clock", this.clock); this.columns = 0; this.relayout(anchor); },
    toggleBig() { this.big = !this.big; document.documentElement.classList.toggle("oo-out-noscroll", this.big); if (this.following) this.toEnd(); this.later(); },
    relayout(anchor) {
      for (const line of this.all) line.h = 0;
      this.layout(0);
      this.$nextTick(() => { this.measure(); if (this.following) this.toEnd(); else this.restore(anchor); });
    },
    async copy() {
      const chosen = getSelection(), inside = chosen && !chosen.isCollapsed && this.$refs.box.contains(chosen.anchorNode);
      let text = inside ? String(chosen) : null;
      if (text === null) {
        if (this.before.bytes && !this.dropped) {
          this.wanted = true;
          this.wantEarlier();
          for (let waited = 0; this.wanted && waited < 40; waited++) await new Promise((done) => setTimeout(done, 100));
        }
        text = this.all.map((line, i) => line.t + (i + 1 < this.all.length && this.all[i + 1].c ? "" : "\n")).join("");
      }
      let done = false;
      try { await navigator.clipboard.writeText(text); done = true; } catch {
        // Browsers offer the clipboard to https and this machine only; elsewhere this old way works.
        const area = Object.assign(document.createElement("textarea"), { value: text });
        area.style.cssText = "position:fixed;opacity:0";
        document.body.append(area);
        area.select();
        done = document.execCommand("copy");
        area.remove();
      }
      this.copied = done ? "Copied" : "Copying failed: select the lines and press Ctrl C";
      setTimeout(() => (this.copied = ""), done ? 1500 : 5000);
    },
  },
};
